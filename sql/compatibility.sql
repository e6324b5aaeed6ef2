-- Every object of pgvector 0.8.7, by its catalogs: what of it is here, and how it differs.
-- docs/compatibility.md has a row for each (test/clients/documentation.py).

CREATE EXTENSION omendb_hnsw;
CREATE TABLE peer (kind text, object text, properties text);
COPY peer FROM stdin;
type	halfvec	-1 f i e U f ,
type	sparsevec	-1 f i e U f ,
type	vector	-1 f i e U f ,
function	array_to_halfvec(double precision[],integer,boolean)	halfvec i t s f
function	array_to_halfvec(integer[],integer,boolean)	halfvec i t s f
function	array_to_halfvec(numeric[],integer,boolean)	halfvec i t s f
function	array_to_halfvec(real[],integer,boolean)	halfvec i t s f
function	array_to_sparsevec(double precision[],integer,boolean)	sparsevec i t s f
function	array_to_sparsevec(integer[],integer,boolean)	sparsevec i t s f
function	array_to_sparsevec(numeric[],integer,boolean)	sparsevec i t s f
function	array_to_sparsevec(real[],integer,boolean)	sparsevec i t s f
function	array_to_vector(double precision[],integer,boolean)	vector i t s f
function	array_to_vector(integer[],integer,boolean)	vector i t s f
function	array_to_vector(numeric[],integer,boolean)	vector i t s f
function	array_to_vector(real[],integer,boolean)	vector i t s f
function	avg(halfvec)	halfvec i f s a
function	avg(vector)	vector i f s a
function	binary_quantize(halfvec)	bit i t s f
function	binary_quantize(vector)	bit i t s f
function	cosine_distance(halfvec,halfvec)	double precision i t s f
function	cosine_distance(sparsevec,sparsevec)	double precision i t s f
function	cosine_distance(vector,vector)	double precision i t s f
function	halfvec(halfvec,integer,boolean)	halfvec i t s f
function	halfvec_accum(double precision[],halfvec)	double precision[] i t s f
function	halfvec_add(halfvec,halfvec)	halfvec i t s f
function	halfvec_avg(double precision[])	halfvec i t s f
function	halfvec_cmp(halfvec,halfvec)	integer i t s f
function	halfvec_combine(double precision[],double precision[])	double precision[] i t s f
function	halfvec_concat(halfvec,halfvec)	halfvec i t s f
function	halfvec_eq(halfvec,halfvec)	boolean i t s f
function	halfvec_ge(halfvec,halfvec)	boolean i t s f
function	halfvec_gt(halfvec,halfvec)	boolean i t s f
function	halfvec_in(cstring,oid,integer)	halfvec i t s f
function	halfvec_l2_squared_distance(halfvec,halfvec)	double precision i t s f
function	halfvec_le(halfvec,halfvec)	boolean i t s f
function	halfvec_lt(halfvec,halfvec)	boolean i t s f
function	halfvec_mul(halfvec,halfvec)	halfvec i t s f
function	halfvec_ne(halfvec,halfvec)	boolean i t s f
function	halfvec_negative_inner_product(halfvec,halfvec)	double precision i t s f
function	halfvec_out(halfvec)	cstring i t s f
function	halfvec_recv(internal,oid,integer)	halfvec i t s f
function	halfvec_send(halfvec)	bytea i t s f
function	halfvec_spherical_distance(halfvec,halfvec)	double precision i t s f
function	halfvec_sub(halfvec,halfvec)	halfvec i t s f
function	halfvec_to_float4(halfvec,integer,boolean)	real[] i t s f
function	halfvec_to_sparsevec(halfvec,integer,boolean)	sparsevec i t s f
function	halfvec_to_vector(halfvec,integer,boolean)	vector i t s f
function	halfvec_typmod_in(cstring[])	integer i t s f
function	hamming_distance(bit,bit)	double precision i t s f
function	hnsw_bit_support(internal)	internal v f u f
function	hnsw_halfvec_support(internal)	internal v f u f
function	hnsw_sparsevec_support(internal)	internal v f u f
function	hnswhandler(internal)	index_am_handler v f u f
function	inner_product(halfvec,halfvec)	double precision i t s f
function	inner_product(sparsevec,sparsevec)	double precision i t s f
function	inner_product(vector,vector)	double precision i t s f
function	ivfflat_bit_support(internal)	internal v f u f
function	ivfflat_halfvec_support(internal)	internal v f u f
function	ivfflathandler(internal)	index_am_handler v f u f
function	jaccard_distance(bit,bit)	double precision i t s f
function	l1_distance(halfvec,halfvec)	double precision i t s f
function	l1_distance(sparsevec,sparsevec)	double precision i t s f
function	l1_distance(vector,vector)	double precision i t s f
function	l2_distance(halfvec,halfvec)	double precision i t s f
function	l2_distance(sparsevec,sparsevec)	double precision i t s f
function	l2_distance(vector,vector)	double precision i t s f
function	l2_norm(halfvec)	double precision i t s f
function	l2_norm(sparsevec)	double precision i t s f
function	l2_normalize(halfvec)	halfvec i t s f
function	l2_normalize(sparsevec)	sparsevec i t s f
function	l2_normalize(vector)	vector i t s f
function	sparsevec(sparsevec,integer,boolean)	sparsevec i t s f
function	sparsevec_cmp(sparsevec,sparsevec)	integer i t s f
function	sparsevec_eq(sparsevec,sparsevec)	boolean i t s f
function	sparsevec_ge(sparsevec,sparsevec)	boolean i t s f
function	sparsevec_gt(sparsevec,sparsevec)	boolean i t s f
function	sparsevec_in(cstring,oid,integer)	sparsevec i t s f
function	sparsevec_l2_squared_distance(sparsevec,sparsevec)	double precision i t s f
function	sparsevec_le(sparsevec,sparsevec)	boolean i t s f
function	sparsevec_lt(sparsevec,sparsevec)	boolean i t s f
function	sparsevec_ne(sparsevec,sparsevec)	boolean i t s f
function	sparsevec_negative_inner_product(sparsevec,sparsevec)	double precision i t s f
function	sparsevec_out(sparsevec)	cstring i t s f
function	sparsevec_recv(internal,oid,integer)	sparsevec i t s f
function	sparsevec_send(sparsevec)	bytea i t s f
function	sparsevec_to_halfvec(sparsevec,integer,boolean)	halfvec i t s f
function	sparsevec_to_vector(sparsevec,integer,boolean)	vector i t s f
function	sparsevec_typmod_in(cstring[])	integer i t s f
function	subvector(halfvec,integer,integer)	halfvec i t s f
function	subvector(vector,integer,integer)	vector i t s f
function	sum(halfvec)	halfvec i f s a
function	sum(vector)	vector i f s a
function	vector(vector,integer,boolean)	vector i t s f
function	vector_accum(double precision[],vector)	double precision[] i t s f
function	vector_add(vector,vector)	vector i t s f
function	vector_avg(double precision[])	vector i t s f
function	vector_cmp(vector,vector)	integer i t s f
function	vector_combine(double precision[],double precision[])	double precision[] i t s f
function	vector_concat(vector,vector)	vector i t s f
function	vector_dims(halfvec)	integer i t s f
function	vector_dims(vector)	integer i t s f
function	vector_eq(vector,vector)	boolean i t s f
function	vector_ge(vector,vector)	boolean i t s f
function	vector_gt(vector,vector)	boolean i t s f
function	vector_in(cstring,oid,integer)	vector i t s f
function	vector_l2_squared_distance(vector,vector)	double precision i t s f
function	vector_le(vector,vector)	boolean i t s f
function	vector_lt(vector,vector)	boolean i t s f
function	vector_mul(vector,vector)	vector i t s f
function	vector_ne(vector,vector)	boolean i t s f
function	vector_negative_inner_product(vector,vector)	double precision i t s f
function	vector_norm(vector)	double precision i t s f
function	vector_out(vector)	cstring i t s f
function	vector_recv(internal,oid,integer)	vector i t s f
function	vector_send(vector)	bytea i t s f
function	vector_spherical_distance(vector,vector)	double precision i t s f
function	vector_sub(vector,vector)	vector i t s f
function	vector_to_float4(vector,integer,boolean)	real[] i t s f
function	vector_to_halfvec(vector,integer,boolean)	halfvec i t s f
function	vector_to_sparsevec(vector,integer,boolean)	sparsevec i t s f
function	vector_typmod_in(cstring[])	integer i t s f
aggregate	avg(halfvec)	combine
aggregate	avg(vector)	combine
aggregate	sum(halfvec)	combine
aggregate	sum(vector)	combine
operator	*(halfvec,halfvec)	halfvec_mul commutator *(halfvec,halfvec) negator - - -
operator	*(vector,vector)	vector_mul commutator *(vector,vector) negator - - -
operator	+(halfvec,halfvec)	halfvec_add commutator +(halfvec,halfvec) negator - - -
operator	+(vector,vector)	vector_add commutator +(vector,vector) negator - - -
operator	-(halfvec,halfvec)	halfvec_sub commutator - negator - - -
operator	-(vector,vector)	vector_sub commutator - negator - - -
operator	<#>(halfvec,halfvec)	halfvec_negative_inner_product commutator <#>(halfvec,halfvec) negator - - -
operator	<#>(sparsevec,sparsevec)	sparsevec_negative_inner_product commutator <#>(sparsevec,sparsevec) negator - - -
operator	<#>(vector,vector)	vector_negative_inner_product commutator <#>(vector,vector) negator - - -
operator	<%>(bit,bit)	jaccard_distance commutator <%>(bit,bit) negator - - -
operator	<(halfvec,halfvec)	halfvec_lt commutator >(halfvec,halfvec) negator >=(halfvec,halfvec) scalarltsel scalarltjoinsel
operator	<(sparsevec,sparsevec)	sparsevec_lt commutator >(sparsevec,sparsevec) negator >=(sparsevec,sparsevec) scalarltsel scalarltjoinsel
operator	<(vector,vector)	vector_lt commutator >(vector,vector) negator >=(vector,vector) scalarltsel scalarltjoinsel
operator	<+>(halfvec,halfvec)	l1_distance commutator <+>(halfvec,halfvec) negator - - -
operator	<+>(sparsevec,sparsevec)	l1_distance commutator <+>(sparsevec,sparsevec) negator - - -
operator	<+>(vector,vector)	l1_distance commutator <+>(vector,vector) negator - - -
operator	<->(halfvec,halfvec)	l2_distance commutator <->(halfvec,halfvec) negator - - -
operator	<->(sparsevec,sparsevec)	l2_distance commutator <->(sparsevec,sparsevec) negator - - -
operator	<->(vector,vector)	l2_distance commutator <->(vector,vector) negator - - -
operator	<=(halfvec,halfvec)	halfvec_le commutator >=(halfvec,halfvec) negator >(halfvec,halfvec) scalarlesel scalarlejoinsel
operator	<=(sparsevec,sparsevec)	sparsevec_le commutator >=(sparsevec,sparsevec) negator >(sparsevec,sparsevec) scalarlesel scalarlejoinsel
operator	<=(vector,vector)	vector_le commutator >=(vector,vector) negator >(vector,vector) scalarlesel scalarlejoinsel
operator	<=>(halfvec,halfvec)	cosine_distance commutator <=>(halfvec,halfvec) negator - - -
operator	<=>(sparsevec,sparsevec)	cosine_distance commutator <=>(sparsevec,sparsevec) negator - - -
operator	<=>(vector,vector)	cosine_distance commutator <=>(vector,vector) negator - - -
operator	<>(halfvec,halfvec)	halfvec_ne commutator <>(halfvec,halfvec) negator =(halfvec,halfvec) eqsel eqjoinsel
operator	<>(sparsevec,sparsevec)	sparsevec_ne commutator <>(sparsevec,sparsevec) negator =(sparsevec,sparsevec) eqsel eqjoinsel
operator	<>(vector,vector)	vector_ne commutator <>(vector,vector) negator =(vector,vector) eqsel eqjoinsel
operator	<~>(bit,bit)	hamming_distance commutator <~>(bit,bit) negator - - -
operator	=(halfvec,halfvec)	halfvec_eq commutator =(halfvec,halfvec) negator <>(halfvec,halfvec) eqsel eqjoinsel
operator	=(sparsevec,sparsevec)	sparsevec_eq commutator =(sparsevec,sparsevec) negator <>(sparsevec,sparsevec) eqsel eqjoinsel
operator	=(vector,vector)	vector_eq commutator =(vector,vector) negator <>(vector,vector) eqsel eqjoinsel
operator	>(halfvec,halfvec)	halfvec_gt commutator <(halfvec,halfvec) negator <=(halfvec,halfvec) scalargtsel scalargtjoinsel
operator	>(sparsevec,sparsevec)	sparsevec_gt commutator <(sparsevec,sparsevec) negator <=(sparsevec,sparsevec) scalargtsel scalargtjoinsel
operator	>(vector,vector)	vector_gt commutator <(vector,vector) negator <=(vector,vector) scalargtsel scalargtjoinsel
operator	>=(halfvec,halfvec)	halfvec_ge commutator <=(halfvec,halfvec) negator <(halfvec,halfvec) scalargesel scalargejoinsel
operator	>=(sparsevec,sparsevec)	sparsevec_ge commutator <=(sparsevec,sparsevec) negator <(sparsevec,sparsevec) scalargesel scalargejoinsel
operator	>=(vector,vector)	vector_ge commutator <=(vector,vector) negator <(vector,vector) scalargesel scalargejoinsel
operator	||(halfvec,halfvec)	halfvec_concat commutator - negator - - -
operator	||(vector,vector)	vector_concat commutator - negator - - -
cast	double precision[] AS halfvec	a f
cast	double precision[] AS sparsevec	a f
cast	double precision[] AS vector	a f
cast	halfvec AS halfvec	i f
cast	halfvec AS real[]	a f
cast	halfvec AS sparsevec	i f
cast	halfvec AS vector	a f
cast	integer[] AS halfvec	a f
cast	integer[] AS sparsevec	a f
cast	integer[] AS vector	a f
cast	numeric[] AS halfvec	a f
cast	numeric[] AS sparsevec	a f
cast	numeric[] AS vector	a f
cast	real[] AS halfvec	a f
cast	real[] AS sparsevec	a f
cast	real[] AS vector	a f
cast	sparsevec AS halfvec	a f
cast	sparsevec AS sparsevec	i f
cast	sparsevec AS vector	a f
cast	vector AS halfvec	i f
cast	vector AS real[]	i f
cast	vector AS sparsevec	i f
cast	vector AS vector	i f
operator class	bit_hamming_ops USING hnsw	bit f
operator class	bit_hamming_ops USING ivfflat	bit f
operator class	bit_jaccard_ops USING hnsw	bit f
operator class	halfvec_cosine_ops USING hnsw	halfvec f
operator class	halfvec_cosine_ops USING ivfflat	halfvec f
operator class	halfvec_ip_ops USING hnsw	halfvec f
operator class	halfvec_ip_ops USING ivfflat	halfvec f
operator class	halfvec_l1_ops USING hnsw	halfvec f
operator class	halfvec_l2_ops USING hnsw	halfvec f
operator class	halfvec_l2_ops USING ivfflat	halfvec f
operator class	halfvec_ops USING btree	halfvec t
operator class	sparsevec_cosine_ops USING hnsw	sparsevec f
operator class	sparsevec_ip_ops USING hnsw	sparsevec f
operator class	sparsevec_l1_ops USING hnsw	sparsevec f
operator class	sparsevec_l2_ops USING hnsw	sparsevec f
operator class	sparsevec_ops USING btree	sparsevec t
operator class	vector_cosine_ops USING hnsw	vector f
operator class	vector_cosine_ops USING ivfflat	vector f
operator class	vector_ip_ops USING hnsw	vector f
operator class	vector_ip_ops USING ivfflat	vector f
operator class	vector_l1_ops USING hnsw	vector f
operator class	vector_l2_ops USING hnsw	vector f
operator class	vector_l2_ops USING ivfflat	vector t
operator class	vector_ops USING btree	vector t
\.

CREATE VIEW ours AS
WITH owned AS (SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname IN ('omendb', 'omendb_hnsw'))
SELECT 'type' AS kind, typname::text AS object,
	concat_ws(' ', typlen, left(typbyval::text, 1), typalign, typstorage, typcategory, left(typispreferred::text, 1), typdelim) AS properties
FROM pg_type WHERE oid IN (SELECT objid FROM owned) AND typtype = 'b'
UNION ALL
SELECT 'function', oid::regprocedure::text, concat_ws(' ', pg_get_function_result(oid), provolatile, left(proisstrict::text, 1), proparallel, prokind)
FROM pg_proc WHERE oid IN (SELECT objid FROM owned)
UNION ALL
SELECT 'aggregate', aggfnoid::regprocedure::text, CASE WHEN aggcombinefn = 0 THEN 'no combine' ELSE 'combine' END
FROM pg_aggregate WHERE aggfnoid IN (SELECT objid FROM owned)
UNION ALL
SELECT 'operator', o.oid::regoperator::text, concat_ws(' ', proname, 'commutator', coalesce(nullif(oprcom, 0)::regoperator::text, '-'), 'negator',
	coalesce(nullif(oprnegate, 0)::regoperator::text, '-'), oprrest, oprjoin)
FROM pg_operator o JOIN pg_proc p ON p.oid = oprcode WHERE o.oid IN (SELECT objid FROM owned)
UNION ALL
SELECT 'cast', castsource::regtype || ' AS ' || casttarget::regtype, concat_ws(' ', castcontext, castmethod)
FROM pg_cast WHERE oid IN (SELECT objid FROM owned)
UNION ALL
SELECT 'operator class', opcname || ' USING ' || amname, concat_ws(' ', opcintype::regtype, left(opcdefault::text, 1))
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE c.oid IN (SELECT objid FROM owned);

-- missing: functions that the access methods of pgvector call
SELECT * FROM (SELECT kind, object FROM peer EXCEPT SELECT kind, object FROM ours) x ORDER BY 1, object COLLATE "C";
-- other properties: for both sides
SELECT kind, object, e.properties, o.properties AS here FROM peer e JOIN ours o USING (kind, object)
WHERE e.properties <> o.properties ORDER BY kind, object COLLATE "C";
-- for each kind, how many are the same
SELECT kind, count(*) FROM peer JOIN ours USING (kind, object, properties) GROUP BY 1 ORDER BY 1;

-- settings: accepted before anything of ours is used, and by SET LOCAL
BEGIN;
SET LOCAL hnsw.ef_search = 100;
SET LOCAL hnsw.iterative_scan = strict_order;
SET LOCAL hnsw.max_scan_tuples = 20000;
SET LOCAL hnsw.scan_mem_multiplier = 2;
SET LOCAL ivfflat.probes = 10;
SET LOCAL ivfflat.iterative_scan = relaxed_order;
SET LOCAL ivfflat.max_probes = 100;
COMMIT;
-- storage parameters
CREATE TABLE peer_t (v vector(3));
CREATE INDEX ON peer_t USING hnsw (v vector_l2_ops) WITH (m = 16, ef_construction = 64);
CREATE INDEX ON peer_t USING ivfflat (v vector_l2_ops) WITH (lists = 100);
DROP VIEW ours;
DROP TABLE peer, peer_t;
DROP EXTENSION omendb_hnsw;
