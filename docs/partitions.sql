-- Turns the tables of records into hash partitions by member, with all that depends on them: docs/operations.md. Run it as the
-- tables' owner while no sync runs, in one transaction: psql --single-transaction --file=partitions.sql "$DATABASE_URL"
-- It copies the tables, so twice their size is needed meanwhile.
DO $$
DECLARE
  partitions CONSTANT integer := 16;
  whose CONSTANT regnamespace := current_schema()::regnamespace;
  one record;
  part text;
  left_over integer;
  before integer;
BEGIN
  -- Views and functions hold on to the table that was: they are made again, with their comments and grants.
  CREATE TEMP TABLE again ON COMMIT DROP AS
  SELECT 'view' AS kind, c.oid, c.relname::text AS name, format('CREATE VIEW %I AS %s', c.relname, pg_get_viewdef(c.oid)) AS made,
    format('COMMENT ON VIEW %I IS %L', c.relname, obj_description(c.oid)) AS comment,
    (SELECT string_agg(format('GRANT SELECT ON %I TO %I', c.relname, r.rolname), ';') FROM aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
      WHERE a.privilege_type = 'SELECT' AND a.grantee <> c.relowner) AS grants,
    (SELECT string_agg(format('COMMENT ON COLUMN %I.%I IS %L', c.relname, attname, col_description(c.oid, attnum)), ';')
      FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND col_description(c.oid, attnum) IS NOT NULL) AS columns,
    false AS done
  FROM pg_class c WHERE c.relnamespace = whose AND c.relkind = 'v'
  UNION ALL
  SELECT 'function', p.oid, p.proname, pg_get_functiondef(p.oid),
    format('COMMENT ON FUNCTION %s IS %L', p.oid::regprocedure, obj_description(p.oid)), NULL, NULL, false
  FROM pg_proc p WHERE p.pronamespace = whose AND p.prosqlbody IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e');
  FOR one IN SELECT name FROM again WHERE kind = 'view' LOOP
    EXECUTE format('DROP VIEW IF EXISTS %I CASCADE', one.name);
  END LOOP;
  FOR one IN SELECT oid FROM again WHERE kind = 'function' LOOP
    SELECT oid::regprocedure::text INTO part FROM pg_proc WHERE oid = one.oid;
    IF part IS NOT NULL THEN
      EXECUTE format('DROP FUNCTION %s CASCADE', part);
    END IF;
  END LOOP;

  FOR one IN SELECT unnest(ARRAY['sleep_records', 'recovery_records', 'workout_records', 'cycle_records']) AS name LOOP
    CREATE TEMP TABLE keys ON COMMIT DROP AS
    SELECT 1 AS turn, format('ALTER TABLE %I ADD CONSTRAINT %I %s', one.name, conname, pg_get_constraintdef(oid)) AS made
    FROM pg_constraint WHERE conrelid = one.name::regclass AND contype IN ('p', 'u', 'f')
    UNION ALL
    SELECT 2, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = one.name::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    UNION ALL
    SELECT 3, format('GRANT SELECT ON %I TO %I', one.name, r.rolname)
    FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
    WHERE c.oid = one.name::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner;
    EXECUTE format('ALTER TABLE %I RENAME TO whole', one.name);
    EXECUTE format('CREATE TABLE %I (LIKE whole INCLUDING DEFAULTS INCLUDING COMMENTS INCLUDING STORAGE) PARTITION BY HASH (user_id)', one.name);
    FOR n IN 0 .. partitions - 1 LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)', one.name || '_' || n, one.name, partitions, n);
    END LOOP;
    EXECUTE format('INSERT INTO %I SELECT * FROM whole', one.name);
    DROP TABLE whole;
    FOR one IN SELECT made FROM keys ORDER BY turn LOOP
      EXECUTE one.made;
    END LOOP;
    DROP TABLE keys;
  END LOOP;

  -- Each needs others of them: made in rounds, until there is none left.
  LOOP
    SELECT count(*) INTO before FROM again WHERE NOT done;
    EXIT WHEN before = 0;
    FOR one IN SELECT * FROM again WHERE NOT done ORDER BY oid LOOP
      BEGIN
        EXECUTE one.made;
        EXECUTE one.comment;
        IF one.grants IS NOT NULL THEN EXECUTE one.grants; END IF;
        IF one.columns IS NOT NULL THEN EXECUTE one.columns; END IF;
        UPDATE again SET done = true WHERE again.oid = one.oid;
      EXCEPTION WHEN undefined_table OR undefined_function OR undefined_column THEN
        NULL; -- in the next round
      END;
    END LOOP;
    SELECT count(*) INTO left_over FROM again WHERE NOT done;
    IF left_over = before THEN
      RAISE EXCEPTION 'These could not be made again: %', (SELECT string_agg(name, ', ') FROM again WHERE NOT done);
    END IF;
  END LOOP;
END $$;
