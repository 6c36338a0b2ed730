-- Nodes that listen are told when a session ends, so that none remembers it as open.
create trigger session_end_is_told after update of why on session
	for each row when (old.why = '' and new.why <> '') execute function generation_is_told();
