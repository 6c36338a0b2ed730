--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: entry_stays(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.entry_stays() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
	raise exception 'an entry cannot be changed or removed';
end $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: account; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.account (
    id text NOT NULL COLLATE pg_catalog."C",
    organisation text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    issuer text NOT NULL,
    provider text NOT NULL,
    subject text NOT NULL,
    opened_us bigint NOT NULL
);


--
-- Name: alias; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alias (
    alias bytea NOT NULL,
    person bytea NOT NULL,
    CONSTRAINT alias_alias_check CHECK ((length(alias) = 16)),
    CONSTRAINT alias_person_check CHECK ((length(person) = 16))
);


--
-- Name: checkpoint; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.checkpoint (
    size bigint NOT NULL,
    note bytea NOT NULL
);


--
-- Name: cover; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.cover (
    source text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    absent text NOT NULL,
    substitute text NOT NULL COLLATE pg_catalog."C",
    declared_by text NOT NULL,
    from_us bigint NOT NULL,
    until_us bigint NOT NULL
);


--
-- Name: entry; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.entry (
    number bigint NOT NULL,
    salt bytea NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT entry_salt_check CHECK ((length(salt) = 16))
);


--
-- Name: fact; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.fact (
    person bytea NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    kind integer NOT NULL,
    account text COLLATE pg_catalog."C",
    organisation text COLLATE pg_catalog."C",
    from_us bigint NOT NULL,
    until_us bigint NOT NULL,
    author text NOT NULL,
    CONSTRAINT fact_has_one_holder CHECK (((account IS NULL) <> (organisation IS NULL))),
    CONSTRAINT fact_person_check CHECK ((length(person) = 16))
);


--
-- Name: habilitation; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.habilitation (
    account text NOT NULL COLLATE pg_catalog."C",
    service text NOT NULL COLLATE pg_catalog."C",
    purpose text NOT NULL COLLATE pg_catalog."C",
    from_us bigint NOT NULL,
    until_us bigint NOT NULL,
    CONSTRAINT habilitation_ends CHECK ((until_us > from_us))
);


--
-- Name: head; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.head (
    one integer NOT NULL,
    next bigint NOT NULL,
    last_us bigint NOT NULL,
    generation bigint NOT NULL,
    CONSTRAINT head_one_check CHECK ((one = 1))
);


--
-- Name: organisation; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.organisation (
    id text NOT NULL COLLATE pg_catalog."C",
    siret text NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: pending_signin; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pending_signin (
    state bytea NOT NULL,
    browser bytea NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    origin text NOT NULL,
    return_to text NOT NULL,
    begun_us bigint NOT NULL
);


--
-- Name: schema_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_version (
    version integer NOT NULL
);


--
-- Name: session; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.session (
    key bytea NOT NULL,
    id text NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    organisation text NOT NULL,
    factor text NOT NULL,
    agent bytea NOT NULL,
    browser bytea NOT NULL,
    started_us bigint NOT NULL,
    version bigint NOT NULL,
    current bytea NOT NULL,
    next bytea NOT NULL,
    previous bytea NOT NULL,
    seed text NOT NULL,
    rotated_us bigint NOT NULL,
    seen_us bigint NOT NULL,
    hint text NOT NULL,
    why text NOT NULL,
    ended_us bigint
);


--
-- Name: source; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.source (
    name text NOT NULL COLLATE pg_catalog."C",
    heard_us bigint NOT NULL
);


--
-- Name: standing_order; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.standing_order (
    id text NOT NULL COLLATE pg_catalog."C",
    effect text NOT NULL,
    reach text NOT NULL,
    target text NOT NULL,
    placed_us bigint NOT NULL,
    ends_us bigint,
    placed_by text NOT NULL,
    because text NOT NULL,
    message text NOT NULL,
    lifted_us bigint,
    lifted_by text,
    CONSTRAINT standing_order_effect_check CHECK ((effect = ANY (ARRAY['frozen'::text, 'suspended'::text, 'closed'::text]))),
    CONSTRAINT standing_order_reach_check CHECK ((reach = ANY (ARRAY['account'::text, 'organisation'::text, 'service'::text, 'everything'::text])))
);


--
-- Name: tile; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tile (
    level integer NOT NULL,
    "position" bigint NOT NULL,
    hashes bytea NOT NULL
);


--
-- Data for Name: account; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.account VALUES ('pauline', 'mlv', 'adviser', 'Pauline Mercier', 'https://idp.example', 'p', 'p1', 1772532000123456);
INSERT INTO public.account VALUES ('karim', 'mlv', 'adviser', 'Karim Benali', 'https://idp.example', 'p', 'k1', 1772532000123456);
INSERT INTO public.account VALUES ('lucas', 'ofh', 'training', 'Lucas Ferrand', 'https://idp.example', 'p', 'l1', 1772532000123456);


--
-- Data for Name: alias; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alias VALUES ('\x01000000000000000000000000000000', '\x01000001000000000000000000000000');


--
-- Data for Name: checkpoint; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.checkpoint VALUES (20, '\x6c65646765722e706f7465726e652e6578616d706c650a32300a362f38565538437878626c655341657472397735326937726879634261584a713867585935662b37712f6b3d0a0ae28094206c65646765722e706f7465726e652e6578616d706c65206b6d62375444496f4f7543414d4f71622f5846704273306c69624b63532b6b72652b76526b31616e644f3746316735327a553074714b676b443133536451337563714c73536c4d6567484d6636565175594e6b5a6b2b384e6e77453d0a');
INSERT INTO public.checkpoint VALUES (32, '\x6c65646765722e706f7465726e652e6578616d706c650a33320a326a762f476a743050735a5151376c33414a3734694f7753506e2b386576623438753964477961306941633d0a0ae28094206c65646765722e706f7465726e652e6578616d706c65206b6d6237544965514a687735474f77676d52517237422b6277446a2f6b41696b525768754332464b596479736c73486f485a346b504e64654a51596168676c565336394f4b6734376f386d415575302b6946584d5072686a5567633d0a');


--
-- Data for Name: cover; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.cover VALUES ('cases', 'c1', 'karim', 'pauline', 'helene', 1772532000123456, 1772535600123456);


--
-- Data for Name: entry; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.entry VALUES (0, '\x123d7e5b4c86771551c2e4809966cef0', '\x0100c0d4e1a1bc8393030402077061756c696e650507646f7373696572080000000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (1, '\xaa968966e433adfdd8e825ae2abc215c', '\x0101c0d4e1a1bc83930304010102077061756c696e650507646f7373696572080100000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (2, '\x8b7caa01911d6325455f05a63cd53537', '\x0102c0d4e1a1bc83930304010202077061756c696e650507646f7373696572080200000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (3, '\x5dc5e29fea7d1090385b244c38d4436a', '\x0103c0d4e1a1bc83930304010302077061756c696e650507646f7373696572080300000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (4, '\x5065d01d877617ef1ccdd8282beb09fa', '\x0104c0d4e1a1bc83930304010402077061756c696e650507646f7373696572080400000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (5, '\x3faa8f50205ba30d1b5aa549b7aa7850', '\x0105c0d4e1a1bc83930304010502077061756c696e650507646f7373696572080500000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (6, '\x4a675a8e611fc971cba385dd02c9d81e', '\x0106c0d4e1a1bc83930304010602077061756c696e650507646f7373696572080600000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (7, '\x62a5b3dc5384cf784636bd8f6beff651', '\x0107c0d4e1a1bc83930304010702077061756c696e650507646f7373696572080700000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (8, '\x39debbbd3174db9b6a064cf1eb74db9a', '\x0108c0d4e1a1bc83930304010802077061756c696e650507646f7373696572080800000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (9, '\x41dbe0f373e9e0cffd373c8fb2a28b08', '\x0109c0d4e1a1bc83930304010902077061756c696e650507646f7373696572080900000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (10, '\x994e5869a33d4026c8d061e870d52298', '\x010ac0d4e1a1bc83930304010a02077061756c696e650507646f7373696572080a00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (11, '\x85993e0c1668e92535056e0f29053916', '\x010bc0d4e1a1bc83930304010b02077061756c696e650507646f7373696572080b00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (12, '\x8a5a05852966f306ea343a0614234dce', '\x010cc0d4e1a1bc83930304010c02077061756c696e650507646f7373696572080c00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (13, '\xd9af9aaab65e45d19b040e0e7e000a55', '\x010dc0d4e1a1bc83930304010d02077061756c696e650507646f7373696572080d00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (14, '\xd4abbc3fb7dd3e8c72f2ba12353bf97b', '\x010ec0d4e1a1bc83930304010e02077061756c696e650507646f7373696572080e00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (15, '\x489c2da2ea553534eb75789c2afa99f0', '\x010fc0d4e1a1bc83930304010f02077061756c696e650507646f7373696572080f00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (16, '\x4ebe710d2242ce6faceba16c38866347', '\x0110c0d4e1a1bc83930304011002077061756c696e650507646f7373696572081000000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (17, '\x6641a7fa6aa9e7799564f40e5542a349', '\x0111c0d4e1a1bc83930304011102077061756c696e650507646f7373696572081100000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (18, '\x25aebb8b5d635bdf1880e35b44a6376b', '\x0112c0d4e1a1bc83930304011202077061756c696e650507646f7373696572081200000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (19, '\x6136e60614cea59845bb1928c1b3ec78', '\x0113c0d4e1a1bc83930304011302077061756c696e650507646f7373696572081300000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (20, '\x6ef873ab974a7078d86dfaf98a4ea80b', '\x0114c0d4e1a1bc83930304011402077061756c696e650507646f7373696572081400000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (21, '\x7bbf9eb1bdf3195f891b387d06444f4a', '\x0115c0d4e1a1bc83930304011502077061756c696e650507646f7373696572081500000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (22, '\x370d1426acce05c9fb66a3dca6e80b9b', '\x0116c0d4e1a1bc83930304011602077061756c696e650507646f7373696572081600000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (23, '\xbbed75a9bcaf2343b6056dcb8f5a43c5', '\x0117c0d4e1a1bc83930304011702077061756c696e650507646f7373696572081700000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (24, '\x9c1dd7944a454cd9cecf6452b2e988e5', '\x0118c0d4e1a1bc83930304011802077061756c696e650507646f7373696572081800000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (25, '\x98ba57acdda912baaafebd54bf359b0b', '\x0119c0d4e1a1bc83930304011902077061756c696e650507646f7373696572081900000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (26, '\xfa41e5c3a3bb2972ed59d230bf639121', '\x011ac0d4e1a1bc83930304011a02077061756c696e650507646f7373696572081a00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (27, '\x3c68a6d339d3c6b79d455103cc72ae77', '\x011bc0d4e1a1bc83930304011b02077061756c696e650507646f7373696572081b00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (28, '\xd4631ae3d6dd9b1145618bd362a760ad', '\x011cc0d4e1a1bc83930304011c02077061756c696e650507646f7373696572081c00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (29, '\x1597ed974197cd421d28e79398480e2b', '\x011dc0d4e1a1bc83930304011d02077061756c696e650507646f7373696572081d00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (30, '\x524480778b39084cf0d3687a319fe7c4', '\x011ec0d4e1a1bc83930304011e02077061756c696e650507646f7373696572081e00000100000000000000000000000009010a010b03');
INSERT INTO public.entry VALUES (31, '\x2f28fc999c966f1402557522e87f31a1', '\x011fc0d4e1a1bc83930304011f02077061756c696e650507646f7373696572081f00000100000000000000000000000009010a010b03');


--
-- Data for Name: fact; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.fact VALUES ('\x01000001000000000000000000000000', 'cases', '1', 1, 'pauline', NULL, 1772532000123456, 1772535600123456, '');


--
-- Data for Name: habilitation; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.habilitation VALUES ('pauline', 'dossier', 'accompany', 1770112800123456, 1801648800123456);
INSERT INTO public.habilitation VALUES ('lucas', 'kairos', 'train', 1770112800123456, 1801648800123456);


--
-- Data for Name: head; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.head VALUES (1, 32, 1772532000123456, 5);


--
-- Data for Name: organisation; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.organisation VALUES ('mlv', '90000000000017', 'Mission locale');
INSERT INTO public.organisation VALUES ('ofh', '90000000000025', 'Horizon');


--
-- Data for Name: pending_signin; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.pending_signin VALUES ('\x0200000000000000000000000000000000000000000000000000000000000000', '\x0000000000000000000000000000000000000000000000000000000000000000', '', '', '', '', 1772532000123456);


--
-- Data for Name: schema_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_version VALUES (1);
INSERT INTO public.schema_version VALUES (2);
INSERT INTO public.schema_version VALUES (3);


--
-- Data for Name: session; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.session VALUES ('\x0100000000000000000000000000000000000000000000000000000000000000', 's1', 'pauline', '', '', '\x0000000000000000000000000000000000000000000000000000000000000000', '\x0000000000000000000000000000000000000000000000000000000000000000', 1772532000123456, 0, '\x0000000000000000000000000000000000000000000000000000000000000000', '\x0000000000000000000000000000000000000000000000000000000000000000', '\x0000000000000000000000000000000000000000000000000000000000000000', '', 1772532000123456, 1772532000123456, '', '', NULL);


--
-- Data for Name: source; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.source VALUES ('cases', 1772532000123456);


--
-- Data for Name: standing_order; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.standing_order VALUES ('7', 'suspended', 'account', 'pauline', 1772532000123456, NULL, 'samir', 'vol', '', NULL, NULL);
INSERT INTO public.standing_order VALUES ('8', 'suspended', 'account', 'pauline', 1772532000123456, NULL, 'samir', 'vol', '', 1772532000123456, 'samir');


--
-- Data for Name: tile; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tile VALUES (0, 0, '\x71005b02ea47967febe3e323f46ced20bfbf212525e1e7569f807bd9c2bf1bc84f9e947ce25929bd62284903980659b4bf467dde564b191cb85462ffec5d5d2b72900f6ce0c0bafdd3eb3cad52eb9e3d5972797169c2880aff88b0de67259dc80e086eabf2fe691387eeb4b5be638ddbfe29b76739d5fb0cbb33e8be13f29cdf89c3c67694a20e116be3ca50419fdb19f433551068c64a24d387d1870ca9e1f8647a94ba789031b2d2ca315cabd24aa5a50bbfe509a2b80380417ba2080c5d738608934795f681892d0d3e5387ee5c0ac95c43787f59743fcaf204adef57238e532cb9e9a596409d679e29892e310ab3fd26708fc7d6d9577a3bd650bfb5886f66465e79fc7ffdda0119090cd7022841eccdc43a0522086ea44a8164cbf0d8b39ebae724324ad4071e049e447f455743e26394fc85054ac3c0ba2cc9cc37a954ab31b2e0c5c3799c046baacd25ba981234e79d4404dd1d1d10fda501f5c572d520fb85c031e785467d4a7f2200f52a777ea29acbb09ea2206f68d6a2d60c80c87776ce1b5067729e6a1d7aa5a7cd1988d864774a194e81845a7310da176ea5b750e417215238adc72e1525d63a550af89ce143bf34d5ca8ab2b5de63e116f04d0b04aca464de6a0d5cd7cb17c5c44f00a36965148b335533276d0c5958aaef0195b759f6f773ac323fd677cf05737d67ff1f6ead56c3318ae6139124ad133e77e86ddb23ea4e464deb19cf49b452d2067d328f219af79207c4b729df2552c9542f74aa3c79509ac4dcbf418fe5357d01089aaf48d5a9b590d04c98f0d77fcb21d213f5ffde5a33c3824c07480c6879ad5d18c4b33d8cd549b76aa0ef52f3a2ebfe4304acc701d32249031cacfa9842ca3fa7f9bbe76e72fcecd066e484a625ff81cb6ebd0aae73300b88c601eda3185e5fae6440eeafee93325c27192a194855a147e73945739a360bbdd65ed159327633e7b6fb84cbcfdb8d1cde41de9e418b5c5935fa973224639776a7b5293506663b2b32784235bf1dab42b4bf46501289c93b6cb29abd2958ea55607549c3a0a9c051bb293dced879018eb08f41069ae5c0c63f2969d62dd9896ddaa370242c648875f87c24d75d02e9813b96e7a1ecfae5975fb2436882d36a5865b6f65f198a8b3234401d556f4c78eec7d77d53d20acfeee7a5be39e44deb20fafc729f246065aeb1bd8c32fabeea3b6474589b37c0ed007f2079c43a566cb4f2e3f64b0c3aabb205c085bccef304eefa995e916256b0129d4268edc15dd7f0abea7bc497ccabca63b7282ca9184eea11e0c32316dc083a299dfa7f5788188bc704c32b80b8cdbac99ff536a66047e7be9373a552a72c083883532144ec9e7e289386f55b5228780cd40b43bc8726c08f11da709456415ac6a13cb44cc891a3c6cda9d9f291a35050d29e4e091f38c3d0b7fa26a37b');


--
-- Name: account account_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_id PRIMARY KEY (id);


--
-- Name: account account_identity; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_identity UNIQUE (issuer, provider, subject);


--
-- Name: alias alias_alias; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alias
    ADD CONSTRAINT alias_alias PRIMARY KEY (alias);


--
-- Name: checkpoint checkpoint_size; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.checkpoint
    ADD CONSTRAINT checkpoint_size PRIMARY KEY (size);


--
-- Name: cover cover_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cover
    ADD CONSTRAINT cover_id PRIMARY KEY (source, id);


--
-- Name: entry entry_number; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.entry
    ADD CONSTRAINT entry_number PRIMARY KEY (number);


--
-- Name: fact fact_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.fact
    ADD CONSTRAINT fact_id UNIQUE (source, id);


--
-- Name: fact fact_of_person; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.fact
    ADD CONSTRAINT fact_of_person PRIMARY KEY (person, source, id);


--
-- Name: habilitation habilitation_right; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habilitation
    ADD CONSTRAINT habilitation_right PRIMARY KEY (account, service, purpose);


--
-- Name: head head_is_one; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.head
    ADD CONSTRAINT head_is_one PRIMARY KEY (one);


--
-- Name: organisation organisation_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.organisation
    ADD CONSTRAINT organisation_id PRIMARY KEY (id);


--
-- Name: pending_signin pending_signin_state; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pending_signin
    ADD CONSTRAINT pending_signin_state PRIMARY KEY (state);


--
-- Name: session session_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_id UNIQUE (id);


--
-- Name: session session_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_key PRIMARY KEY (key);


--
-- Name: source source_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.source
    ADD CONSTRAINT source_name PRIMARY KEY (name);


--
-- Name: standing_order standing_order_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.standing_order
    ADD CONSTRAINT standing_order_id PRIMARY KEY (id);


--
-- Name: tile tile_place; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tile
    ADD CONSTRAINT tile_place PRIMARY KEY (level, "position");


--
-- Name: cover_substitute; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX cover_substitute ON public.cover USING btree (substitute);


--
-- Name: pending_signin_begun; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_signin_begun ON public.pending_signin USING btree (begun_us);


--
-- Name: session_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX session_account ON public.session USING btree (account);


--
-- Name: session_started; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX session_started ON public.session USING btree (started_us);


--
-- Name: entry entry_is_not_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER entry_is_not_changed BEFORE DELETE OR UPDATE ON public.entry FOR EACH ROW EXECUTE FUNCTION public.entry_stays();


--
-- Name: entry entry_is_not_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER entry_is_not_emptied BEFORE TRUNCATE ON public.entry FOR EACH STATEMENT EXECUTE FUNCTION public.entry_stays();


--
-- Name: account account_organisation; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_organisation FOREIGN KEY (organisation) REFERENCES public.organisation(id);


--
-- Name: habilitation habilitation_account; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habilitation
    ADD CONSTRAINT habilitation_account FOREIGN KEY (account) REFERENCES public.account(id);


--
-- PostgreSQL database dump complete
--


