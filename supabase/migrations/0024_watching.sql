-- What the gateway shows: how imports fare, what is served, and what waits for the log.

-- How far a run is, and at what stage, as people see it. From when all its chunks are known that follows from their
-- number and its state, so it says no less than updated_at does: note_progress comes later, and leaves that as it is.
CREATE FUNCTION public.told_percent(i public.imports) RETURNS numeric
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT round((CASE WHEN i.state IN ('extracting', 'consolidating')
        THEN greatest(i.progress_percent,
                      least(90, 90.0 * (i.chunks_ok + i.chunks_dead) / greatest(i.chunks_total, 1)))
        ELSE i.progress_percent END)::numeric, 1)
$$;

CREATE FUNCTION public.told_stage(i public.imports) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN i.state IN ('received', 'extracting', 'consolidating', 'failed', 'cancelled') THEN i.state
                ELSE coalesce(i.stage, i.state) END
$$;

-- A run as one who asks for it sees it: where it came from by the name of the file alone, in an error's words too.
CREATE FUNCTION public.told_run(i public.imports) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object(
        'import_id', i.import_id, 'run', i.run, 'user_id', i.user_id, 'pipeline', i.pipeline,
        'kind', i.kind, 'parent_id', i.parent_id,
        'name', regexp_replace(i.source, '^.*/', ''), 'state', told_state(i), 'unserved', i.unserved, 'stage', told_stage(i), 'percent', told_percent(i),
        'chunks', jsonb_build_object('ok', i.chunks_ok, 'dead', i.chunks_dead, 'total', i.chunks_total),
        'coverage', i.coverage, 'breaks', jsonb_array_length(i.breaks), 'usage', nullif(i.usage, '{}'),
        'error', CASE WHEN i.source LIKE '/%' AND i.error ? 'message' THEN jsonb_set(i.error, '{message}', to_jsonb(
            replace(i.error ->> 'message', regexp_replace(i.source, '[^/]*$', ''), ''))) ELSE i.error END,
        'requested_at', i.requested_at,
        'begun_at', CASE WHEN i.state <> 'received' THEN i.begun_at END,
        'finished_at', i.finished_at, 'updated_at', i.updated_at)
$$;

-- {import_ids}: the newest run of each of these imports, those that there are. Here and below, no replay before it is
-- served: nobody asked for it. One probe of the key an import.
-- `version` is updated_at in microseconds.
CREATE FUNCTION public.watch_runs(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object(
        'import_id', i.import_id, 'run', i.run, 'user_id', i.user_id, 'kind', i.kind, 'state', told_state(i),
        'stage', told_stage(i), 'percent', told_percent(i), 'ok', i.chunks_ok, 'dead', i.chunks_dead,
        'total', i.chunks_total, 'coverage', i.coverage,
        'version', (extract(epoch FROM i.updated_at) * 1000000)::bigint)), '[]')
    FROM jsonb_array_elements_text(argument -> 'import_ids') a(id)
    CROSS JOIN LATERAL (
        SELECT * FROM imports n WHERE n.import_id = a.id::uuid AND NOT is_silent(n) ORDER BY n.run DESC LIMIT 1) i
$$;

-- {import_id, run, user_id}: a run, the newest where `run` is null, with what else runs for its import; null if
-- there is none, or it is not that user's (null: anybody's). Nobody's own is a shadow: it is the services'.
CREATE FUNCTION public.find_run(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT told_run(i) || jsonb_build_object('quick', (
        SELECT jsonb_build_object('import_id', q.import_id, 'run', q.run, 'state', told_state(q)) FROM imports q
        WHERE q.parent_id = i.import_id AND q.run = i.run AND q.kind = 'quick' AND i.kind = 'primary' LIMIT 1), 'fallback', (
        SELECT jsonb_build_object('import_id', f.import_id, 'run', f.run, 'state', told_state(f)) FROM imports f
        WHERE f.import_id = i.import_id AND f.run = i.run + 1 AND f.kind = 'fallback'))
    FROM imports i
    WHERE i.import_id = (argument ->> 'import_id')::uuid
      AND (argument ->> 'user_id' IS NULL OR (i.user_id = (argument ->> 'user_id')::uuid AND i.kind <> 'shadow'))
      AND i.run = coalesce((argument ->> 'run')::integer, (
          SELECT n.run FROM imports n WHERE n.import_id = (argument ->> 'import_id')::uuid AND NOT is_silent(n)
          ORDER BY n.run DESC LIMIT 1))
$$;

-- {user_id, after, limit}: runs, the newest first, of a user or of all, beginning after the run `after`, a key
-- [import_id, run]. Those that serve an import of its own right: no quick ones, no shadows.
-- A person's runs are few: they are put in order for each page.
CREATE FUNCTION public.page_runs(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_user uuid := (argument ->> 'user_id')::uuid;
    p_after bigint := 9223372036854775807;
    answer json;
BEGIN
    IF nullif(argument -> 'after', 'null') IS NOT NULL THEN
        SELECT i.ordinal INTO p_after FROM imports i
        WHERE i.import_id = (argument -> 'after' ->> 0)::uuid AND i.run = (argument -> 'after' ->> 1)::integer
          AND (p_user IS NULL OR i.user_id = p_user);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no such run to begin after' USING ERRCODE = 'SP003';
        END IF;
    END IF;
    IF p_user IS NULL THEN
        SELECT json_agg(told_run(i) ORDER BY i.ordinal DESC) INTO answer FROM (
            SELECT * FROM imports n WHERE n.ordinal < p_after AND n.kind IN ('primary', 'fallback')
            ORDER BY n.ordinal DESC LIMIT (argument ->> 'limit')::integer) i;
    ELSE
        SELECT json_agg(told_run(i) ORDER BY i.ordinal DESC) INTO answer FROM (
            SELECT * FROM (
                SELECT * FROM imports m WHERE m.user_id = p_user OFFSET 0) n  -- never by the order of all
            WHERE n.ordinal < p_after AND n.kind IN ('primary', 'fallback') AND NOT is_silent(n)
            ORDER BY n.ordinal DESC LIMIT (argument ->> 'limit')::integer) i;
    END IF;
    RETURN coalesce(answer, '[]');
END
$$;

-- {user_id}: what is served to a user, and whose it is; null where there is nothing. Sections are those that
-- were written, else what the columns hold, which the app or its predecessor wrote.
CREATE FUNCTION public.read_served(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT json_build_object(
        'user_id', p.user_id, 'import_id', s.import_id, 'run', s.run, 'pipeline', s.pipeline, 'kind', i.kind,
        'coverage', i.coverage, 'served_at', s.served_at, 'lineages', lineages_of(p.user_id),
        'memory_import_id', s.memory_import_id, 'memory_run', s.memory_run,
        'format', s.profile_format, 'full_pass_status', p.full_pass_status,
        'sections', json_build_object(
            'soul', coalesce(d.written ->> 'soul', p.soul_md),
            'identity', coalesce(d.written ->> 'identity', p.identity_md),
            'user', coalesce(d.written ->> 'user', p.user_md),
            'agents', coalesce(d.written ->> 'agents', p.agents_md),
            'tools', coalesce(d.written ->> 'tools', p.tools_md)),
        'memory_md', p.memory_md)
    FROM user_profiles p
    LEFT JOIN served_memories s ON s.user_id = p.user_id
    LEFT JOIN imports i ON i.import_id = s.import_id AND i.run = s.run
    CROSS JOIN LATERAL (SELECT s.documents -> s.profile_format AS written) d
    WHERE p.user_id = (argument ->> 'user_id')::uuid
      AND (s.user_id IS NOT NULL OR has_sections(p) OR p.memory_md <> '')
$$;

-- {user_id, after, limit, status}: a page of the facts that are served, in the order of list_facts, beginning
-- after the fact `after`, a key [id].
CREATE FUNCTION public.page_facts(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    s served_memories;
    key jsonb;
BEGIN
    SELECT * INTO s FROM served_memories m WHERE m.user_id = (argument ->> 'user_id')::uuid;
    IF nullif(argument -> 'after', 'null') IS NOT NULL THEN
        SELECT jsonb_build_array(f.matter, f.stated_at, f.fact_id) INTO key FROM facts f
        WHERE f.import_id = s.memory_import_id AND f.run = s.memory_run
          AND f.fact_id = (argument -> 'after' ->> 0)::uuid AND f.user_id = s.user_id AND f.status <> 'hidden'
        LIMIT 1;
        IF key IS NULL THEN
            RAISE EXCEPTION 'no such fact to begin after' USING ERRCODE = 'SP003';
        END IF;
    END IF;
    IF s.memory_import_id IS NULL THEN
        RETURN '[]';
    END IF;
    RETURN list_facts(jsonb_build_object(
        'user_id', s.user_id, 'import_id', s.memory_import_id, 'run', s.memory_run, 'after', key,
        'limit', argument -> 'limit', 'status', argument -> 'status', 'search', ''));
END
$$;

-- What waits to be put on the log for the first time: how many runs, and for how many seconds the oldest has.
CREATE FUNCTION public.read_outbox(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT json_build_object('runs', count(*), 'seconds', coalesce(
        greatest(extract(epoch FROM clock_timestamp() - min(requested_at)), 0), 0))
    FROM imports WHERE state = 'received' AND on_log AND offered_at IS NULL
$$;

REVOKE ALL ON FUNCTION
    public.told_percent(public.imports), public.told_stage(public.imports), public.told_run(public.imports),
    public.watch_runs(jsonb), public.find_run(jsonb), public.page_runs(jsonb), public.read_served(jsonb),
    public.page_facts(jsonb), public.read_outbox(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.told_percent(public.imports), public.told_stage(public.imports), public.told_run(public.imports),
    public.watch_runs(jsonb), public.find_run(jsonb), public.page_runs(jsonb), public.read_served(jsonb),
    public.page_facts(jsonb), public.read_outbox(jsonb)
TO service_role;
