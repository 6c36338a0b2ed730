-- The keys under which people in entries are hidden, as what tells one from another:
-- a node with another key, or without one, is refused.
create table epoch (
	month integer not null constraint epoch_month primary key,
	mark  bytea   not null check (length(mark) = 16)
);
