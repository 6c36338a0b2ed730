-- When a session was last stepped up, and which session a step-up under way is for.
alter table session add column stepped_up_us bigint;
alter table pending_signin add column session bytea;
