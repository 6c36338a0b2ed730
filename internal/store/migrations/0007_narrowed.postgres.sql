-- An order may also narrow: cut allowances to a quarter.
alter table standing_order drop constraint standing_order_effect_check;
alter table standing_order add constraint standing_order_effect check (effect in ('narrowed', 'frozen', 'suspended', 'closed'));
