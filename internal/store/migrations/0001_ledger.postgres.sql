-- The ledger. entry is append-only and has no other index: what is searched in it
-- is served by what can be dropped and rebuilt.
create table head (
	one        integer not null constraint head_is_one primary key check (one = 1),
	next       bigint  not null,
	last_us    bigint  not null,
	generation bigint  not null
);
insert into head (one, next, last_us, generation) values (1, 0, 0, 0);

create table entry (
	number bigint not null constraint entry_number primary key,
	salt   bytea  not null check (length(salt) = 16),
	body   bytea  not null
);

create function entry_stays() returns trigger language plpgsql as $$
begin
	raise exception 'an entry cannot be changed or removed';
end $$;
create trigger entry_is_not_changed before update or delete on entry
	for each row execute function entry_stays();
create trigger entry_is_not_emptied before truncate on entry
	for each statement execute function entry_stays();

create table tile (
	level    integer not null,
	position bigint  not null,
	hashes   bytea   not null,
	constraint tile_place primary key (level, position)
);

create table checkpoint (
	size bigint not null constraint checkpoint_size primary key,
	note bytea  not null
);

create table standing_order (
	id        text collate "C" not null constraint standing_order_id primary key,
	effect    text   not null check (effect in ('frozen', 'suspended', 'closed')),
	reach     text   not null check (reach in ('account', 'organisation', 'service', 'everything')),
	target    text   not null,
	placed_us bigint not null,
	ends_us   bigint,
	placed_by text   not null,
	because   text   not null,
	message   text   not null,
	lifted_us bigint,
	lifted_by text
);
