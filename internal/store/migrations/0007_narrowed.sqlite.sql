-- An order may also narrow: cut allowances to a quarter. SQLite changes a check by
-- making the table anew.
create table standing_order_narrowed (
	id        text not null constraint standing_order_id primary key,
	effect    text not null constraint standing_order_effect check (effect in ('narrowed', 'frozen', 'suspended', 'closed')),
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
insert into standing_order_narrowed (id, effect, reach, target, placed_us, ends_us, placed_by, because, message, lifted_us, lifted_by)
	select id, effect, reach, target, placed_us, ends_us, placed_by, because, message, lifted_us, lifted_by from standing_order;
drop table standing_order;
alter table standing_order_narrowed rename to standing_order;
