-- A sign-in under way is kept by its browser. What must not serve twice is kept until
-- it would not serve any more: states that came back with a proof, and the provider's
-- word that somebody has left.
drop table pending_signin;
create table once (
	mark     blob    not null constraint once_mark primary key,
	until_us integer not null
) strict, without rowid;
create index once_until on once (until_us);

-- Whom, and which of its sessions, the identity provider vouched for, as digests.
alter table session add column subject blob not null default x'';
alter table session add column provider_session blob not null default x'';
create index session_subject on session (subject);
