-- ---------------------------------------------------------------------------
-- Beside pgvector
-- ---------------------------------------------------------------------------

CREATE FUNCTION omendb_adopt_pgvector(extension name DEFAULT 'vector') RETURNS SETOF text
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    peer oid := (SELECT oid FROM pg_extension WHERE extname = extension);
    method oid := (SELECT oid FROM pg_am WHERE amname = 'omenhnsw');
    class record;
    within record;
    items text;
BEGIN
    IF peer IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('extension "%s" does not exist', extension),
            HINT = 'Operator classes are made for the types of pgvector in a database that has both extensions.';
    END IF;
    IF EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_am'::regclass AND objid = method
               AND refclassid = 'pg_extension'::regclass AND refobjid = peer AND deptype = 'e') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('extension "%s" is omendb', extension),
            HINT = 'Its operator classes are there already.';
    END IF;

    -- Each class of ours, with the operator of the same name on their type of the same name.
    FOR class IN
        SELECT n.nspname AS schema, c.opcname AS name, c.opcdefault AND t.oid <> c.opcintype AS is_default,
            t.oid::regtype AS type, c.opcintype::regtype AS own_type, c.opcfamily AS family, o.oprname AS operator,
            p.amproc::regprocedure AS support
        FROM pg_opclass c
            JOIN pg_type own ON own.oid = c.opcintype
            JOIN pg_amop a ON a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype AND a.amoppurpose = 'o'
            JOIN pg_operator ours ON ours.oid = a.amopopr
            JOIN pg_amproc p ON p.amprocfamily = c.opcfamily AND p.amproclefttype = c.opcintype AND p.amprocnum = 1
            JOIN pg_operator o ON o.oprname = ours.oprname AND o.oprleft = o.oprright
            JOIN pg_depend d ON d.classid = 'pg_operator'::regclass AND d.objid = o.oid
                AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = peer AND d.deptype = 'e'
            JOIN pg_type t ON t.oid = o.oprleft AND t.typname = own.typname
            JOIN pg_namespace n ON n.oid = o.oprnamespace
        WHERE c.opcmethod = method
            AND EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_opclass'::regclass AND e.objid = c.oid AND e.deptype = 'e')
            AND NOT EXISTS (SELECT FROM pg_amop x JOIN pg_opfamily f ON f.oid = x.amopfamily
                            WHERE x.amopopr = o.oid AND f.opfmethod = method)
        ORDER BY t.typname, c.opcname
    LOOP
        items := format('OPERATOR 1 %I.%s (%s, %s) FOR ORDER BY pg_catalog.float_ops', class.schema, class.operator, class.type, class.type);
        -- and those "within", which are ours, on their type
        FOR within IN
            SELECT n.nspname AS schema, o.oprname AS operator, o.oprright::regtype AS other, f.proname AS function, f.prosrc AS symbol,
                f.probin AS library, o.oprrest AS estimate
            FROM pg_amop a JOIN pg_operator o ON o.oid = a.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace JOIN pg_proc f ON f.oid = o.oprcode
            WHERE a.amopfamily = class.family AND a.amoplefttype = class.own_type AND a.amoppurpose = 's'
            ORDER BY o.oprname
        LOOP
            IF class.type <> class.own_type THEN
                EXECUTE format('CREATE FUNCTION %I.%I (%s, %s) RETURNS boolean AS %L, %L LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE',
                               within.schema, within.function, class.type, within.other, within.library, within.symbol);
                EXECUTE format('CREATE OPERATOR %I.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = %I.%I, RESTRICT = %s, JOIN = matchingjoinsel)',
                               within.schema, within.operator, class.type, within.other, within.schema, within.function, within.estimate);
            END IF;
            items := items || format(', OPERATOR 2 %I.%s (%s, %s)', within.schema, within.operator, class.type, within.other);
        END LOOP;
        EXECUTE format('CREATE OPERATOR CLASS %I.%I %s FOR TYPE %s USING omenhnsw AS %s, FUNCTION 1 (%s, %s) %s',
                       class.schema, class.name, CASE WHEN class.is_default THEN 'DEFAULT' ELSE '' END, class.type,
                       items, class.type, class.type, class.support);
        RETURN NEXT format('%I.%I', class.schema, class.name);
    END LOOP;
END $$;
COMMENT ON FUNCTION omendb_adopt_pgvector(name) IS
    'make operator classes of omenhnsw for the types of pgvector, and return their names';
REVOKE ALL ON FUNCTION omendb_adopt_pgvector(name) FROM PUBLIC;
