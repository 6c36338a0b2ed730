-- When a session was last touched, and which session a touch under way is for.
alter table session add column touched_us integer;
alter table pending_signin add column session blob;
