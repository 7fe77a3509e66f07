//! What must be true of a world at rest.

mod clients;
mod kept;
mod sequences;
mod stock;

use crate::{Violation, reference::Reference, world::World};

/// Checks everything.
pub(crate) fn check(world: &World) -> Result<(), Violation> {
    let reference = Reference::run(&world.broker, &world.library)?;
    sequences::check(world, &reference)?;
    clients::check(world, &reference)?;
    stock::check(world, &reference)?;
    kept::check(world, &reference)
}
