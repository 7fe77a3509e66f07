//! Who may do what with a table, carried over to the table that takes its place.
//!
//! At the switch and not when the table is made: a rebuild takes long, and privileges change meanwhile.

use sqlx::PgConnection;

use super::execute;

/// Gives the table `schema.name` the owner and the privileges of `public.name`, and no others.
pub(super) async fn carry_over(
    connection: &mut PgConnection,
    schema: &str,
    name: &str,
) -> sqlx::Result<()> {
    let (live, beside) = (format!("public.{name}"), format!("{schema}.{name}"));
    for changes in [OWNER, TAKEN, GIVEN] {
        let statements: Vec<String> = sqlx::query_scalar(changes)
            .bind(&live)
            .bind(&beside)
            .fetch_all(&mut *connection)
            .await?;
        for statement in statements {
            execute(connection, statement).await?;
        }
    }
    Ok(())
}

const OWNER: &str = "
    SELECT format('ALTER TABLE %s OWNER TO %I', $2::text, pg_get_userbyid(live.relowner))
    FROM pg_class live, pg_class beside
    WHERE live.oid = $1::regclass AND beside.oid = $2::regclass
        AND live.relowner <> beside.relowner";

/// What was given by default privileges, or before the table was switched off.
const TAKEN: &str = "
    SELECT DISTINCT format('REVOKE ALL ON %s FROM %s CASCADE', $2::text,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
    FROM (SELECT (aclexplode(relacl)).grantee FROM pg_class WHERE oid = $2::regclass
          UNION SELECT (aclexplode(attacl)).grantee FROM pg_attribute WHERE attrelid = $2::regclass)
        AS given
    WHERE $1::text IS NOT NULL";

/// Of the table and of single columns.
const GIVEN: &str = "
    SELECT format('GRANT %s%s ON %s TO %s%s', privilege_type,
        CASE WHEN of_column IS NULL THEN '' ELSE format(' (%I)', of_column) END, $2::text,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM (SELECT NULL AS of_column, (aclexplode(coalesce(relacl, acldefault('r', relowner)))).*
          FROM pg_class WHERE oid = $1::regclass
          UNION ALL SELECT attname, (aclexplode(attacl)).* FROM pg_attribute
          WHERE attrelid = $1::regclass AND NOT attisdropped) AS given";
