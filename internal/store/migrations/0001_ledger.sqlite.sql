-- The ledger. entry is append-only and has no other index: what is searched in it
-- is served by what can be dropped and rebuilt.
create table head (
	one        integer not null constraint head_is_one primary key check (one = 1),
	next       integer not null,
	last_us    integer not null,
	generation integer not null
) strict;
insert into head (one, next, last_us, generation) values (1, 0, 0, 0);

create table entry (
	number integer not null constraint entry_number primary key,
	salt   blob not null check (length(salt) = 16),
	body   blob not null
) strict;

create trigger entry_is_not_changed before update on entry
begin select raise(abort, 'an entry cannot be changed'); end;
create trigger entry_is_not_replaced before insert on entry
when exists (select 1 from entry where number = new.number)
begin select raise(abort, 'an entry cannot be replaced'); end;
create trigger entry_is_not_removed before delete on entry
begin select raise(abort, 'an entry cannot be removed'); end;

create table tile (
	level    integer not null,
	position integer not null,
	hashes   blob not null,
	constraint tile_place primary key (level, position)
) strict, without rowid;

create table checkpoint (
	size integer not null constraint checkpoint_size primary key,
	note blob not null
) strict;

create table standing_order (
	id        text not null constraint standing_order_id primary key,
	effect    text not null check (effect in ('frozen', 'suspended', 'closed')),
	reach     text not null check (reach in ('account', 'organisation', 'service', 'everything')),
	target    text not null,
	placed_us integer not null,
	ends_us   integer,
	placed_by text not null,
	because   text not null,
	message   text not null,
	lifted_us integer,
	lifted_by text
) strict;
