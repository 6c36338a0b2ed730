-- Nodes that listen are told when the generation advances: an order was placed or
-- lifted, the roster or a cover changed. What an entry moves is not the generation,
-- so nobody is told of entries.
create function generation_is_told() returns trigger language plpgsql as $$
begin
	perform pg_notify('poterne_generation', '');
	return null;
end $$;
create trigger generation_is_told after update of generation on head
	for each row execute function generation_is_told();
