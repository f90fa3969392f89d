-- Who the services are. soulprint_service may call the functions that take one `argument jsonb`, and do nothing
-- else: no table is open to it, no helper, nothing of the app's. So these functions act with their owner's
-- rights: those of whoever migrates, or, where that is a superuser, of soulprint_owner, as whom nobody logs in.
-- No function of ours ever acts as a superuser.

-- {tables, functions, called}: who may do what with these tables, views and functions of ours, of which the
-- services call some. `open`: what anon, authenticated and soulprint_service may do that they must not.
-- `unready`: what soulprint_service must be able to call and is not, or acts as its caller. `superusers`: what
-- acts as one. `login`: who asks.
-- A right on rows counts as limited where row level security is on and each policy for it asks who is signed in.
CREATE FUNCTION public.read_access(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH roles AS (
        SELECT oid, rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'soulprint_service')
    ), tables AS (
        SELECT c.oid, c.relname, c.relrowsecurity,
               c.relkind = 'v' AND coalesce(c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on'],
                   false) AS invoker,
               -- as the app made it: what it grants is its own
               c.relname IN ('user_profiles', 'conversation_chunks') AND NOT EXISTS (
                   SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own_rows') AS theirs
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND c.relname IN (SELECT jsonb_array_elements_text(argument -> 'tables'))
    ), functions AS (
        SELECT p.oid, p.proname, p.prosecdef, p.proowner,
               p.proargtypes = ARRAY['jsonb'::regtype]::oidvector
                   AND p.proname IN (SELECT jsonb_array_elements_text(argument -> 'called')) AS called
        FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND p.proname IN (SELECT jsonb_array_elements_text(argument -> 'functions'))
    ), rights AS (
        SELECT t.oid, t.relname, t.theirs, r.rolname, w.wanted, t.invoker OR (t.relrowsecurity AND NOT EXISTS (
            SELECT FROM pg_policy p
            WHERE p.polrelid = t.oid AND p.polpermissive AND p.polcmd IN ('*', w.command)
              AND EXISTS (SELECT FROM unnest(p.polroles) g
                          WHERE g = 0 OR pg_has_role(r.oid, g, 'USAGE'))
              AND NOT coalesce(
                  CASE WHEN w.command = 'a' AND p.polwithcheck IS NOT NULL
                       THEN pg_get_expr(p.polwithcheck, p.polrelid)
                       ELSE pg_get_expr(p.polqual, p.polrelid) END
                  ~ 'auth\.(uid|jwt|email)\(\)|auth\.role\(\).*service_role', false))) AS limited
        FROM tables t CROSS JOIN roles r CROSS JOIN (VALUES
            ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'),
            ('TRUNCATE', NULL), ('REFERENCES', NULL), ('TRIGGER', NULL)) w(wanted, command)
        WHERE has_table_privilege(r.oid, t.oid, w.wanted)
           OR (w.wanted IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
               AND has_any_column_privilege(r.oid, t.oid, w.wanted))
    ), opened AS (
        SELECT rolname AS role, relname AS name, wanted AS "right" FROM rights
        WHERE CASE WHEN rolname = 'soulprint_service' THEN NOT (theirs AND limited)
                   WHEN theirs THEN wanted IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') AND NOT limited
                   ELSE rolname = 'anon' OR wanted <> 'SELECT' OR NOT limited END
        UNION ALL
        SELECT r.rolname, f.proname, 'EXECUTE' FROM functions f CROSS JOIN roles r
        WHERE has_function_privilege(r.oid, f.oid, 'EXECUTE')
          AND NOT (f.called AND r.rolname = 'soulprint_service')
        UNION ALL
        SELECT rolname, 'public', 'CREATE' FROM roles WHERE has_schema_privilege(oid, 'public', 'CREATE')
    )
    SELECT json_build_object(
        'open', (SELECT coalesce(json_agg(o ORDER BY o.name, o.role, o."right"), '[]') FROM opened o),
        'unready', (SELECT coalesce(json_agg(f.proname ORDER BY f.proname), '[]') FROM functions f
                    WHERE f.called AND NOT (f.prosecdef AND EXISTS (
                        SELECT FROM roles r WHERE r.rolname = 'soulprint_service'
                           AND has_function_privilege(r.oid, f.oid, 'EXECUTE')))),
        'superusers', (SELECT coalesce(json_agg(f.proname ORDER BY f.proname), '[]')
                       FROM functions f JOIN pg_roles o ON o.oid = f.proowner
                       WHERE f.prosecdef AND o.rolsuper),
        'login', (SELECT json_build_object(
                      'name', l.rolname, 'superuser', l.rolsuper,
                      'reads', l.rolsuper OR EXISTS (
                          SELECT FROM tables t WHERE has_table_privilege(l.oid, t.oid, 'SELECT'))
                      ) FROM pg_roles l WHERE l.rolname = session_user))
$$;
REVOKE ALL ON FUNCTION public.read_access(jsonb) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.read_access(jsonb) TO service_role;

DO $$
DECLARE
    superuser boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    acting text := CASE WHEN current_setting('server_version_num')::integer >= 160000
        THEN 'SET' ELSE 'MEMBER' END;
    wanted text;
    called text;
    statement text;
    statements text[] := '{}';
BEGIN
    FOREACH wanted IN ARRAY CASE WHEN superuser THEN ARRAY['soulprint_service', 'soulprint_owner']
            ELSE ARRAY['soulprint_service'] END LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                statement := format('CREATE ROLE %I NOLOGIN%s', wanted,
                    CASE wanted WHEN 'soulprint_owner' THEN ' BYPASSRLS' ELSE '' END);
                EXECUTE statement;
                RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = statement;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the cluster: another database's migration was quicker
        END;
    END LOOP;
    -- Who may act as service_role may do less, too.
    IF NOT pg_has_role('service_role', 'soulprint_service', 'MEMBER') THEN
        statements := statements || 'GRANT soulprint_service TO service_role'::text;
    END IF;
    IF NOT pg_has_role(current_user, 'soulprint_service', acting) THEN
        statements := statements || format('GRANT soulprint_service TO %I', current_user);
    END IF;
    IF superuser AND NOT pg_has_role('soulprint_owner', 'service_role', 'MEMBER') THEN
        -- all that a service may do with tables, the app's triggers included
        statements := statements || 'GRANT service_role TO soulprint_owner'::text;
    END IF;
    IF NOT has_schema_privilege('soulprint_service', 'public', 'USAGE') THEN
        statements := statements || 'GRANT USAGE ON SCHEMA public TO soulprint_service'::text;
    END IF;
    -- Ours are those made as ours are: nobody else closes a function so.
    FOR called IN
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proargnames = ARRAY['argument']
          AND p.proargtypes = ARRAY['jsonb'::regtype]::oidvector
          AND 'search_path=pg_catalog, public, pg_temp' = ANY (p.proconfig)
          AND p.proowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
          AND NOT has_function_privilege('anon', p.oid, 'EXECUTE')
          AND has_function_privilege('service_role', p.oid, 'EXECUTE')
        ORDER BY p.proname
    LOOP
        statements := statements || ARRAY[
            format('ALTER FUNCTION %s SECURITY DEFINER', called),
            format('GRANT EXECUTE ON FUNCTION %s TO soulprint_service', called)];
        IF superuser THEN
            statements := statements || format('ALTER FUNCTION %s OWNER TO soulprint_owner', called);
        END IF;
    END LOOP;
    FOREACH statement IN ARRAY statements LOOP
        EXECUTE statement;
        RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = statement;
    END LOOP;
END
$$;
