-- What is served, and what is not although its run came to its end.

-- Why the memory of a complete run is not served: older (a newer run's is), smaller (it would lose much of what
-- is served, and is kept beside it). Null: it is or was served, or the run is not complete.
ALTER TABLE public.imports ADD COLUMN unserved text CHECK (unserved IN ('older', 'smaller'));

-- The run whose MEMORY the row holds, and so whose facts are served: import_id and run, unless that run made
-- no MEMORY.
ALTER TABLE public.user_profiles ADD COLUMN memory_import_id uuid, ADD COLUMN memory_run integer;
UPDATE public.user_profiles SET memory_import_id = import_id, memory_run = run WHERE memory_md IS NOT NULL;

-- Of a memory that was never served replaced_at is null.
ALTER TABLE public.profile_versions ADD COLUMN memory_import_id uuid, ADD COLUMN memory_run integer,
    ALTER COLUMN replaced_at DROP NOT NULL;
UPDATE public.profile_versions SET memory_import_id = import_id, memory_run = run WHERE memory_md IS NOT NULL;

-- Complete runs that wrote nothing, as a newer one's memory was served: nobody had noted it.
UPDATE public.imports i SET unserved = 'older'
WHERE i.state = 'complete'
  AND EXISTS (SELECT FROM public.user_profiles p WHERE p.user_id = i.user_id AND p.import_id IS NOT NULL
                                                   AND (p.import_id, p.run) <> (i.import_id, i.run))
  AND NOT EXISTS (SELECT FROM public.profile_versions v
                  WHERE v.user_id = i.user_id AND v.import_id = i.import_id AND v.run = i.run);

-- Keeps what a profile holds, or would hold: replaced now, or (null) never served.
CREATE FUNCTION public.keep_version(p public.user_profiles, replaced timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO profile_versions (user_id, import_id, run, pipeline, soul_md, identity_md, user_md, agents_md,
                                  tools_md, memory_md, soulprint_text, memory_import_id, memory_run,
                                  written_at, replaced_at)
    SELECT p.user_id, p.import_id, p.run, p.pipeline, p.soul_md, p.identity_md, p.user_md, p.agents_md,
           p.tools_md, p.memory_md, p.soulprint_text, p.memory_import_id, p.memory_run,
           p.updated_at, replaced
    WHERE coalesce(p.soul_md, p.identity_md, p.user_md, p.agents_md, p.tools_md, p.memory_md,
                   p.soulprint_text) IS NOT NULL
$$;

-- Sets what a profile serves.
CREATE FUNCTION public.serve_version(n public.user_profiles) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE user_profiles SET
            soul_md = n.soul_md, identity_md = n.identity_md, user_md = n.user_md, agents_md = n.agents_md,
            tools_md = n.tools_md, memory_md = n.memory_md, soulprint_text = n.soulprint_text,
            import_id = n.import_id, run = n.run, pipeline = n.pipeline,
            memory_import_id = n.memory_import_id, memory_run = n.memory_run, updated_at = now()
        WHERE user_id = n.user_id
$$;

-- True if the run's memory would lose much of what the profile serves, and there is a sign that this is not
-- meant. Its export breaks where that of the served one did not, and it has fewer than nine tenths of the current
-- facts. Or it is another export that lacks most of the conversations on which the served memory rests, and it
-- has fewer than half. A smaller export of another history, imported on purpose, is neither: it has none of those
-- conversations, and facts of its own.
CREATE FUNCTION public.loses_much(i public.imports, p public.user_profiles) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    kept_if_broken CONSTANT double precision := 0.9;
    kept_if_whole CONSTANT double precision := 0.5;
    served imports;
    had bigint;
    has bigint;
    rests_on bigint;
    lacks bigint;
BEGIN
    SELECT * INTO served FROM imports n WHERE n.import_id = p.memory_import_id AND n.run = p.memory_run;
    SELECT count(*) INTO had FROM facts f
        WHERE f.import_id = p.memory_import_id AND f.run = p.memory_run AND f.status = 'current';
    SELECT count(*) INTO has FROM facts f
        WHERE f.import_id = i.import_id AND f.run = i.run AND f.status = 'current';
    IF i.breaks <> '[]' AND i.breaks IS DISTINCT FROM served.breaks THEN
        RETURN has < kept_if_broken * had;
    ELSIF has >= kept_if_whole * had OR i.import_id = p.memory_import_id THEN
        RETURN false;
    END IF;
    -- One probe of the key a conversation, as in save_chunks_batch.
    SELECT count(*), count(*) FILTER (WHERE NOT c.in_it) INTO rests_on, lacks
    FROM (SELECT DISTINCT f.conversation_id FROM facts f
          WHERE f.import_id = p.memory_import_id AND f.run = p.memory_run AND f.status = 'current') r
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM conversation_runs n
            WHERE n.user_id = i.user_id AND n.conversation_id = r.conversation_id
              AND (n.requested_at, n.ordinal) >= (i.requested_at, i.ordinal)) AS in_it OFFSET 0) c;
    RETURN 2 * lacks > rests_on AND (lacks < rests_on OR has = 0);
END
$$;

-- Commits a run's memory in one durable transaction: the profile, the version it replaced, the run's end.
-- What the run does not say, a MEMORY or a section that is null, stays as it is served. With status `failed`
-- the profile keeps what it serves and only says that the run failed.
-- written is false, with the reason, where nothing of the profile's content changed: repeated, failed,
-- cancelled, unknown; older (a newer run's memory is served) and smaller (it would lose much, and nobody said
-- that it may): these two are kept as versions, and noted in `unserved`.
CREATE OR REPLACE FUNCTION public.commit_memory(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    i imports;
    p user_profiles;
    n user_profiles;
    served imports;
    refusal text;
    ending text;
    why text;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, run integer, memory_md text, sections jsonb, soulprint_text text,
        coverage jsonb, facts jsonb, usage jsonb, status text, error jsonb);
    IF a.status NOT IN ('complete', 'failed') OR a.status IS NULL THEN
        RAISE EXCEPTION 'a run ends complete or failed' USING ERRCODE = 'SP003';
    END IF;
    SELECT * INTO i FROM imports WHERE import_id = a.import_id AND run = a.run FOR UPDATE;
    IF i.user_id IS DISTINCT FROM a.user_id THEN
        RETURN jsonb_build_object('written', false, 'reason', 'unknown');
    ELSIF i.state = 'cancelled' THEN
        RETURN jsonb_build_object('written', false, 'reason', 'cancelled');
    ELSIF i.state IN ('complete', 'failed') THEN
        RETURN jsonb_build_object('written', false, 'reason', 'repeated');
    END IF;
    INSERT INTO user_profiles (user_id) VALUES (a.user_id) ON CONFLICT DO NOTHING;
    SELECT * INTO p FROM user_profiles WHERE user_id = a.user_id FOR UPDATE;
    SELECT * INTO served FROM imports WHERE import_id = p.import_id AND run = p.run;
    refusal := CASE
        WHEN a.status = 'failed' THEN 'failed'
        WHEN (served.requested_at, served.ordinal) > (i.requested_at, i.ordinal) THEN 'older'
        WHEN a.memory_md IS NOT NULL AND NOT i.replaces AND loses_much(i, p) THEN 'smaller'
    END;
    UPDATE imports SET
            state = a.status, finished_at = now(), updated_at = now(),
            published_at = coalesce(published_at, now()),
            progress_percent = CASE WHEN a.status = 'complete' THEN 100 ELSE progress_percent END,
            stage = CASE WHEN refusal IN ('older', 'smaller') THEN 'unserved' ELSE a.status END,
            error = a.error, fact_counts = coalesce(a.facts, '{}'),
            usage = coalesce(a.usage, '{}'), cost = (a.usage ->> 'cost')::double precision,
            coverage = coalesce((a.coverage ->> 'ok')::double precision
                                / nullif((a.coverage ->> 'total')::double precision, 0), 1),
            unserved = nullif(refusal, 'failed'), lease_owner = NULL, lease_until = NULL
        WHERE import_id = a.import_id AND run = a.run;
    IF a.status = 'complete' THEN
        n := p;
        IF refusal IS NOT NULL THEN  -- its own, and nothing of what is served
            n.soul_md := NULL; n.identity_md := NULL; n.user_md := NULL; n.agents_md := NULL;
            n.tools_md := NULL; n.memory_md := NULL; n.memory_import_id := NULL; n.memory_run := NULL;
        END IF;
        n.soul_md := coalesce(a.sections ->> 'soul', n.soul_md);
        n.identity_md := coalesce(a.sections ->> 'identity', n.identity_md);
        n.user_md := coalesce(a.sections ->> 'user', n.user_md);
        n.agents_md := coalesce(a.sections ->> 'agents', n.agents_md);
        n.tools_md := coalesce(a.sections ->> 'tools', n.tools_md);
        n.soulprint_text := coalesce(a.soulprint_text, concat_ws(E'\n\n',
            nullif(n.soul_md, ''), nullif(n.identity_md, ''), nullif(n.user_md, ''), nullif(n.agents_md, ''),
            nullif(n.tools_md, '')));
        IF a.memory_md IS NOT NULL THEN
            n.memory_md := a.memory_md; n.memory_import_id := a.import_id; n.memory_run := a.run;
        END IF;
        n.import_id := a.import_id; n.run := a.run; n.pipeline := i.pipeline; n.updated_at := now();
        IF refusal IS NULL THEN
            PERFORM keep_version(p, now());
            PERFORM serve_version(n);
        ELSE
            PERFORM keep_version(n, NULL);
        END IF;
    END IF;
    IF is_newest_run(i) THEN
        ending := CASE WHEN refusal IS NULL THEN 'complete' ELSE 'failed' END;
        why := CASE WHEN refusal = 'smaller'
                    THEN 'its memory would lose much of what is served, and is kept beside it'
                    ELSE a.error ->> 'message' END;
        UPDATE user_profiles SET
                full_pass_status = ending,
                full_pass_completed_at = CASE WHEN ending = 'complete' THEN now() END,
                full_pass_error = why, updated_at = now(),
                import_stage = CASE WHEN refusal = 'smaller' THEN 'unserved' ELSE a.status END,
                progress_percent = CASE WHEN a.status = 'complete' THEN 100 ELSE progress_percent END
            WHERE user_id = a.user_id;
    END IF;
    RETURN jsonb_build_object('written', refusal IS NULL, 'reason', refusal);
END
$$;

-- Serves the memory that is kept of an import, of its newest run of which one is, in place of what is served,
-- which is kept in turn. written is false, with the reason, where nothing changed: served (it is already),
-- unknown (no memory of this import is kept).
CREATE FUNCTION public.accept_memory(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p user_profiles;
    n user_profiles;
    v profile_versions;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    -- Runs before profiles, as commit_memory locks them.
    PERFORM FROM imports i WHERE i.import_id = p_import_id ORDER BY i.run FOR UPDATE;
    SELECT * INTO p FROM user_profiles o
        WHERE o.user_id = (SELECT i.user_id FROM imports i WHERE i.import_id = p_import_id LIMIT 1) FOR UPDATE;
    SELECT * INTO v FROM profile_versions o
        WHERE o.user_id = p.user_id AND o.import_id = p_import_id ORDER BY o.run DESC, o.version DESC LIMIT 1;
    IF p.import_id = p_import_id AND p.run >= coalesce(v.run, 0) THEN
        RETURN jsonb_build_object('written', false, 'run', p.run, 'reason', 'served');
    ELSIF v.version IS NULL THEN
        RETURN jsonb_build_object('written', false, 'run', NULL, 'reason', 'unknown');
    END IF;
    n := jsonb_populate_record(p, jsonb_strip_nulls(to_jsonb(v)));
    PERFORM keep_version(p, now());
    PERFORM serve_version(n);
    DELETE FROM profile_versions o WHERE o.user_id = v.user_id AND o.version = v.version;
    UPDATE imports SET unserved = NULL, stage = 'complete', updated_at = now()
        WHERE import_id = p_import_id AND run = v.run;
    UPDATE user_profiles SET
            full_pass_status = 'complete', full_pass_completed_at = now(), full_pass_error = NULL,
            import_stage = 'complete', progress_percent = 100
        WHERE user_id = p.user_id AND NOT EXISTS (
            SELECT FROM imports i WHERE i.user_id = p.user_id
              AND i.state NOT IN ('complete', 'failed', 'cancelled'));
    RETURN jsonb_build_object('written', true, 'run', v.run, 'reason', NULL);
END
$$;

-- The documents that a run wrote, served or kept; null if it wrote none.
CREATE FUNCTION public.read_documents(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(d) FROM (
        SELECT p.soul_md, p.identity_md, p.user_md, p.agents_md, p.tools_md, p.memory_md,
               9223372036854775807 AS version
        FROM imports i JOIN user_profiles p
          ON p.user_id = i.user_id AND p.import_id = i.import_id AND p.run = i.run
        WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
        UNION ALL
        SELECT v.soul_md, v.identity_md, v.user_md, v.agents_md, v.tools_md, v.memory_md, v.version
        FROM imports i JOIN profile_versions v
          ON v.user_id = i.user_id AND v.import_id = i.import_id AND v.run = i.run
        WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
        ORDER BY version DESC LIMIT 1) d
$$;

-- What is told of a run's state: unserved, of a complete run whose memory is not served.
CREATE FUNCTION public.told_state(i public.imports) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN i.unserved IS NULL THEN i.state ELSE 'unserved' END
$$;

-- Runs as `status` shows them, newest first: of one import, or all. `breaks` counts the places where the
-- export breaks.
CREATE OR REPLACE FUNCTION public.list_runs(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT i.import_id, i.run, i.user_id, i.pipeline, i.source, told_state(i) AS state, i.unserved,
               i.progress_percent, i.stage, i.reading, i.chunks_total, i.chunks_ok, i.chunks_dead,
               i.facts_extracted, i.coverage, jsonb_array_length(i.breaks) AS breaks, i.cost, i.error,
               i.redrives, i.on_log, i.requested_at, i.begun_at, i.finished_at, i.updated_at
        FROM imports i
        WHERE nullif(argument -> 'import_id', 'null') IS NULL
           OR i.import_id = (argument ->> 'import_id')::uuid
        ORDER BY i.ordinal DESC LIMIT (argument ->> 'limit')::integer) t
$$;

-- Everything a report says of a run, and which run is served to its user now; null if there is no such run.
CREATE OR REPLACE FUNCTION public.read_run(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(i) - ARRAY['sample', 'superseded', 'ordinal', 'usage'] || jsonb_build_object(
        'state', told_state(i),
        'served', (
            SELECT jsonb_build_array(p.import_id, p.run) FROM user_profiles p
            WHERE p.user_id = i.user_id AND p.import_id IS NOT NULL),
        'unread_conversations', (
            SELECT count(DISTINCT u) FROM chunk_results r, unnest(r.unread) u
            WHERE r.import_id = i.import_id AND r.run = i.run),
        'dropped', (
            SELECT coalesce(jsonb_object_agg(d.reason, d.total), '{}') FROM (
                SELECT e.key AS reason, least(sum(e.value::bigint), 9007199254740991)::bigint AS total
                FROM chunk_results r, jsonb_each_text(r.dropped) e
                WHERE r.import_id = i.import_id AND r.run = i.run GROUP BY e.key) d),
        'extraction_usage', (
            SELECT jsonb_build_object(
                'calls',
                least(coalesce(sum((r.usage ->> 'calls')::bigint), 0), 9007199254740991)::bigint,
                'input_tokens',
                least(coalesce(sum((r.usage ->> 'input_tokens')::bigint), 0), 9007199254740991)::bigint,
                'output_tokens',
                least(coalesce(sum((r.usage ->> 'output_tokens')::bigint), 0), 9007199254740991)::bigint,
                'cache_read_tokens',
                least(coalesce(sum((r.usage ->> 'cache_read_tokens')::bigint), 0), 9007199254740991)::bigint,
                'cache_write_tokens',
                least(coalesce(sum((r.usage ->> 'cache_write_tokens')::bigint), 0), 9007199254740991)::bigint,
                'unanswered',
                least(coalesce(sum((r.usage ->> 'unanswered')::bigint), 0), 9007199254740991)::bigint,
                'cost', CASE WHEN bool_or(r.usage ->> 'cost' IS NULL) THEN NULL
                             ELSE least(coalesce(sum((r.usage ->> 'cost')::numeric), 0), 1e9) END)
            FROM chunk_results r
            WHERE r.import_id = i.import_id AND r.run = i.run AND r.usage IS NOT NULL),
        'committed_usage', nullif(i.usage, '{}'))
    FROM imports i
    WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
$$;

-- As before; the served facts are those of the run whose MEMORY is served.
CREATE OR REPLACE FUNCTION public.list_facts(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_user uuid := (argument ->> 'user_id')::uuid;
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_run integer := (argument ->> 'run')::integer;
    p_matter text := coalesce(argument -> 'after' ->> 0, '');
    p_stated timestamptz := coalesce((argument -> 'after' ->> 1)::timestamptz, '-infinity');
    p_fact uuid := coalesce((argument -> 'after' ->> 2)::uuid, '00000000-0000-0000-0000-000000000000');
    p_status text[] := ARRAY(SELECT jsonb_array_elements_text(nullif(argument -> 'status', 'null')));
    p_patterns text[] := search_patterns(coalesce(argument ->> 'search', ''));
BEGIN
    IF p_import_id IS NULL THEN
        SELECT p.memory_import_id, p.memory_run INTO p_import_id, p_run
            FROM user_profiles p WHERE p.user_id = p_user;
    END IF;
    RETURN coalesce(shown_facts(ARRAY(
        SELECT f FROM facts f
        WHERE f.import_id = p_import_id AND f.run = p_run AND f.user_id = p_user
          AND (f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id) > (p_matter, p_stated, p_fact)
          AND (p_status = '{}' OR f.status = ANY (p_status))
          AND (p_patterns = '{}' OR f.statement || ' ' || f.quote ILIKE ALL (p_patterns))
        ORDER BY f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id
        LIMIT (argument ->> 'limit')::integer)), '[]');
END
$$;

-- As before; the served facts are those of the run whose MEMORY is served.
CREATE OR REPLACE FUNCTION public.find_fact(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    digits text := lower(replace(argument ->> 'prefix', '-', ''));
BEGIN
    IF digits !~ '^[0-9a-f]{1,32}$' THEN
        RETURN '[]';
    END IF;
    RETURN coalesce(shown_facts(ARRAY(
        SELECT f FROM user_profiles p
        JOIN facts f ON f.import_id = p.memory_import_id AND f.run = p.memory_run AND f.user_id = p.user_id
        WHERE p.user_id = (argument ->> 'user_id')::uuid
          AND f.fact_id BETWEEN rpad(digits, 32, '0')::uuid AND rpad(digits, 32, 'f')::uuid
        ORDER BY f.fact_id LIMIT 10)), '[]');
END
$$;

REVOKE ALL ON FUNCTION
    public.keep_version(public.user_profiles, timestamptz), public.serve_version(public.user_profiles),
    public.loses_much(public.imports, public.user_profiles), public.accept_memory(jsonb),
    public.read_documents(jsonb), public.told_state(public.imports)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.keep_version(public.user_profiles, timestamptz), public.serve_version(public.user_profiles),
    public.loses_much(public.imports, public.user_profiles), public.accept_memory(jsonb),
    public.read_documents(jsonb), public.told_state(public.imports)
TO service_role;
