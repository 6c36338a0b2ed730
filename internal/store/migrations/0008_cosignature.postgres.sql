-- What witnesses put under checkpoints: a line of each.
create table cosignature (
	size    bigint not null,
	witness text collate "C" not null,
	line    bytea  not null,
	constraint cosignature_of primary key (size, witness)
);
