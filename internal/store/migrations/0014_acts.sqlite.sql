-- An order names the entry that brought it about, an account who proposed it.
alter table standing_order add column cause integer not null default 0;
alter table account add column proposer text not null default '';
