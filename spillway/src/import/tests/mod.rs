//! Imports into a stand-in that misbehaves on demand. That the real system answers like it is
//! proven by the end-to-end tests.

mod faults;
mod repeats;
mod stand_in;

use std::time::Duration;

use self::stand_in::StandIn;
use super::{
    course::{self, Done, Terms},
    plan::Plan,
    sheet::Sheet,
    shop::{Failure, Shop},
};

/// Two orders, one of them with a line at another price, and something to skip.
const FILE: &str = "\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,22752,DOLLS,2,2010-12-01 08:26:00,7.65,17850.0,United Kingdom
536365,21730,HOLDER,6,2010-12-01 08:26:00,4.25,17850.0,United Kingdom
536366,22752,DOLLS,1,2010-12-01 08:28:00,8.50,,United Kingdom
536366,POST,POSTAGE,1,2010-12-01 08:28:00,18.00,,United Kingdom
";

fn plan() -> Plan {
    Plan::of(Sheet::open(FILE.as_bytes()).unwrap()).unwrap()
}

async fn import(stand_in: &StandIn, patience: Duration) -> Result<Done, Failure> {
    let shop = Shop::new(stand_in.url(), patience).unwrap();
    let reference = "import-0123456789ab".to_owned();
    let terms = Terms { currency: "GBP".to_owned(), reference, concurrency: 4 };
    course::carry_out(&shop, &plan(), &terms).await
}
