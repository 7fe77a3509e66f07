-- The schema registry's own database, beside that of the read models. Runs once, on an empty volume.
CREATE DATABASE registry;
