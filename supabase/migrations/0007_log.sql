-- Runs that are driven by events: taken as the event says, watched, swept when nothing moves.

ALTER TABLE public.imports
    -- true for runs that the services drive, false for those that one process runs from end to end
    ADD COLUMN on_log boolean NOT NULL DEFAULT false,
    -- how often the sweeper drove the run again, when, and how many chunks were in then
    ADD COLUMN redrives integer NOT NULL DEFAULT 0,
    ADD COLUMN redriven_at timestamptz,
    ADD COLUMN redriven_done integer;
CREATE INDEX imports_unfinished ON public.imports (pipeline, updated_at)
    WHERE on_log AND state NOT IN ('complete', 'failed', 'cancelled');
CREATE INDEX imports_in_order ON public.imports (ordinal);

-- A memory from its making to its commit: published again from here, so that no model is asked twice.
CREATE TABLE public.memory_outbox (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    memory jsonb NOT NULL,
    PRIMARY KEY (import_id, run)
);

-- Who leads, by name of the task.
CREATE TABLE public.leases (
    name text PRIMARY KEY,
    owner text NOT NULL,
    until timestamptz NOT NULL
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['memory_outbox', 'leases'] LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, anon, authenticated', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO service_role', name);
        EXECUTE format('CREATE POLICY services ON public.%I TO service_role '
                       'USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;

-- Begins the run that an event names, or goes on with it. Older unfinished runs of the import end.
-- refusal, if there is nothing to do: older (a newer run exists), complete, failed, cancelled, extracted (all
-- chunks are in); or what must not be: foreign (the import is another user's), elsewhere (one process runs
-- it, or another pipeline).
CREATE FUNCTION public.take_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    newest imports;
    i imports;
    refusal text;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, run integer, source text, pipeline text, variant text,
        requested_at timestamptz);
    PERFORM pg_advisory_xact_lock(hashtextextended(a.import_id::text, 1));
    SELECT * INTO newest FROM imports n
        WHERE n.import_id = a.import_id ORDER BY n.run DESC LIMIT 1 FOR UPDATE;
    SELECT * INTO i FROM imports n WHERE n.import_id = a.import_id AND n.run = a.run FOR UPDATE;
    refusal := CASE
        WHEN newest.user_id <> a.user_id THEN 'foreign'
        WHEN newest.run > a.run THEN 'older'
        WHEN i.state IN ('complete', 'failed', 'cancelled') THEN i.state
        WHEN NOT i.on_log OR i.pipeline <> a.pipeline THEN 'elsewhere'
        WHEN i.state = 'consolidating' OR is_complete_run(i) THEN 'extracted'
    END;
    IF refusal IS NOT NULL THEN
        RETURN jsonb_build_object('refusal', refusal);
    END IF;
    IF i.import_id IS NOT NULL THEN
        UPDATE imports n SET source = a.source, updated_at = now(),
                state = CASE WHEN n.state = 'received' THEN 'chunking' ELSE n.state END
            WHERE n.import_id = a.import_id AND n.run = a.run RETURNING n.* INTO i;
    ELSE
        UPDATE imports n SET state = 'cancelled', finished_at = now(), updated_at = now(),
                lease_owner = NULL, lease_until = NULL,
                error = jsonb_build_object('step', 'take_run', 'message', 'a newer run was begun')
            WHERE n.import_id = a.import_id AND n.run < a.run
              AND n.state NOT IN ('complete', 'failed', 'cancelled');
        INSERT INTO imports (import_id, run, user_id, pipeline, source, variant, state, requested_at, on_log)
        VALUES (a.import_id, a.run, a.user_id, a.pipeline, a.source, coalesce(a.variant, ''), 'chunking',
                coalesce(a.requested_at, now()), true)
        RETURNING * INTO i;
    END IF;
    IF is_newest_run(i) THEN
        INSERT INTO user_profiles AS p (user_id, full_pass_status, full_pass_started_at, import_stage)
        VALUES (a.user_id, 'processing', i.begun_at, i.state)
        ON CONFLICT (user_id) DO UPDATE SET
            full_pass_status = 'processing', full_pass_started_at = i.begun_at,
            full_pass_completed_at = NULL, full_pass_error = NULL, import_stage = i.state,
            progress_percent = i.progress_percent, updated_at = now();
    END IF;
    RETURN jsonb_build_object('refusal', NULL, 'variant', i.variant);
END
$$;

-- The state of a run and how many of its chunks are in; null if there is no such run.
CREATE FUNCTION public.watch_run(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object('state', state, 'done', chunks_ok + chunks_dead) FROM imports
    WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
$$;

-- Which chunks of a run are in: [[first, last], ...], ascending.
CREATE FUNCTION public.recorded_chunks(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_array(first, last) ORDER BY first), '[]') FROM (
        SELECT min(chunk_index) AS first, max(chunk_index) AS last FROM (
            SELECT chunk_index, chunk_index - row_number() OVER (ORDER BY chunk_index) AS island
            FROM chunk_results
            WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer) r
        GROUP BY island) g
$$;

-- Before chunks are read: which are not wanted (reasons as record_chunks has them), and what the cache holds
-- for the others.
CREATE FUNCTION public.look_up_chunks(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH judged AS MATERIALIZED (
        SELECT a.*, CASE
            WHEN i.user_id IS DISTINCT FROM a.user_id THEN 'unknown'
            WHEN i.state = 'cancelled' THEN 'cancelled'
            WHEN EXISTS (SELECT FROM imports o WHERE o.import_id = a.import_id AND o.run > a.run) THEN 'older'
            WHEN r.status = 'ok' OR (r.status = 'dead' AND i.state NOT IN ('chunking', 'extracting'))
                THEN 'repeated'
            WHEN i.state IN ('complete', 'failed') THEN 'finished'
        END AS refusal
        FROM jsonb_to_recordset(argument -> 'chunks') AS a(
            user_id uuid, import_id uuid, run integer, index integer, content_hash text)
        LEFT JOIN imports i ON i.import_id = a.import_id AND i.run = a.run
        LEFT JOIN chunk_results r
               ON r.import_id = a.import_id AND r.run = a.run AND r.chunk_index = a.index
    )
    SELECT json_build_object(
        'refused', (
            SELECT coalesce(json_agg(json_build_object('import_id', import_id, 'run', run, 'index', index,
                                                       'reason', refusal)), '[]')
            FROM judged WHERE refusal IS NOT NULL),
        'known', (
            SELECT coalesce(json_agg(json_build_object(
                'user_id', c.user_id, 'content_hash', c.content_hash, 'facts', c.facts,
                'dropped', c.dropped, 'unread', c.unread, 'usage', c.usage)), '[]')
            FROM (SELECT DISTINCT user_id, content_hash COLLATE "C" AS content_hash
                  FROM judged WHERE refusal IS NULL) j
            JOIN extraction_cache c ON c.user_id = j.user_id AND c.content_hash = j.content_hash
            WHERE c.model = argument ->> 'model' AND c.prompt_version = argument ->> 'prompt_version'))
$$;

-- Shows how far runs are whose chunking is done.
CREATE FUNCTION public.note_progress(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
BEGIN
    FOR i IN
        UPDATE imports n SET stage = 'extracting',
                progress_percent = least(90, 90.0 * (n.chunks_ok + n.chunks_dead) / greatest(n.chunks_total, 1))
            FROM jsonb_to_recordset(argument -> 'runs') AS r(import_id uuid, run integer)
            WHERE n.import_id = r.import_id AND n.run = r.run AND n.state = 'extracting'
            RETURNING n.*
    LOOP
        IF is_newest_run(i) THEN
            UPDATE user_profiles SET progress_percent = i.progress_percent, import_stage = i.stage,
                    updated_at = now()
                WHERE user_id = i.user_id;
        END IF;
    END LOOP;
    RETURN to_jsonb(true);
END
$$;

-- Keeps a memory until its run ends. False if the run is not in consolidation: then it is not wanted.
CREATE FUNCTION public.keep_memory(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO memory_outbox (import_id, run, memory)
    SELECT i.import_id, i.run, argument -> 'memory' FROM imports i
        WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
          AND i.state = 'consolidating'
    ON CONFLICT (import_id, run) DO UPDATE SET memory = excluded.memory;
    RETURN to_jsonb(FOUND);
END
$$;

-- The memory that is kept for a run; null if there is none.
CREATE FUNCTION public.read_kept_memory(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT memory FROM memory_outbox
    WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
$$;

-- Takes or prolongs a lease by name; false while it is another's.
CREATE FUNCTION public.take_lease(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO leases AS l (name, owner, until)
    VALUES (argument ->> 'name', argument ->> 'owner',
            clock_timestamp() + make_interval(secs => (argument ->> 'seconds')::double precision))
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
        WHERE l.owner = excluded.owner OR l.until < clock_timestamp();
    RETURN to_jsonb(FOUND);
END
$$;

-- Gives a lease back; false if it was not the owner's.
CREATE FUNCTION public.release_lease(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM leases WHERE name = argument ->> 'name' AND owner = argument ->> 'owner';
    RETURN to_jsonb(FOUND);
END
$$;

-- Runs of a pipeline that do not move, with what to do about each: consolidate (complete, unclaimed),
-- publish (a memory that nobody commits), import (its event again: chunks are missing). All but the first
-- wait for stall_seconds without a change, twice as long after each time that changed nothing, 64 times at
-- most. Each is noted as driven again.
CREATE FUNCTION public.find_stalled(argument jsonb) RETURNS json
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    stall double precision := (argument ->> 'stall_seconds')::double precision;
    answer json;
BEGIN
    DELETE FROM memory_outbox o USING imports i
        WHERE i.import_id = o.import_id AND i.run = o.run
          AND i.state IN ('complete', 'failed', 'cancelled');
    WITH judged AS (
        SELECT i.import_id, i.run, i.chunks_ok + i.chunks_dead AS done, i.updated_at,
               CASE WHEN i.redriven_done = i.chunks_ok + i.chunks_dead THEN i.redrives ELSE 0 END AS redrives,
               CASE WHEN is_complete_run(i) THEN 'consolidate'
                    WHEN i.published_at IS NOT NULL THEN 'publish'
                    ELSE 'import' END AS action
        FROM imports i
        WHERE i.on_log AND i.state NOT IN ('complete', 'failed', 'cancelled')
          AND i.pipeline = argument ->> 'pipeline'
          AND (i.lease_until IS NULL OR i.lease_until < clock_timestamp())
          AND NOT EXISTS (SELECT FROM imports o WHERE o.import_id = i.import_id AND o.run > i.run)
    ), due AS (
        SELECT * FROM judged
        WHERE action = 'consolidate'
           OR updated_at < now() - make_interval(secs => stall * 2 ^ least(redrives, 6))
        ORDER BY updated_at LIMIT (argument ->> 'limit')::integer
    ), driven AS (
        UPDATE imports i SET redrives = d.redrives + 1, redriven_at = now(), redriven_done = d.done,
                updated_at = CASE WHEN d.action = 'consolidate' THEN i.updated_at ELSE now() END
        FROM due d WHERE i.import_id = d.import_id AND i.run = d.run
        RETURNING i.import_id, i.run, i.user_id, i.source, i.requested_at, i.redrives, d.action
    )
    SELECT json_agg(json_build_object(
        'import_id', import_id, 'run', run, 'user_id', user_id, 'source', source,
        'requested_at', requested_at, 'action', action, 'redrives', redrives)) INTO answer FROM driven;
    RETURN coalesce(answer, '[]');
END
$$;

-- Runs as `status` shows them, newest first: of one import, or all.
CREATE FUNCTION public.list_runs(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT i.import_id, i.run, i.user_id, i.pipeline, i.source, i.state, i.progress_percent, i.stage,
               i.chunks_total, i.chunks_ok, i.chunks_dead, i.facts_extracted, i.coverage, i.cost, i.error,
               i.redrives, i.on_log, i.requested_at, i.begun_at, i.finished_at, i.updated_at
        FROM imports i
        WHERE nullif(argument -> 'import_id', 'null') IS NULL
           OR i.import_id = (argument ->> 'import_id')::uuid
        ORDER BY i.ordinal DESC LIMIT (argument ->> 'limit')::integer) t
$$;

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
          AND p.proname IN (
            'take_run', 'watch_run', 'recorded_chunks', 'look_up_chunks', 'note_progress', 'keep_memory',
            'read_kept_memory', 'take_lease', 'release_lease', 'find_stalled', 'list_runs')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, anon, authenticated', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO service_role', f);
    END LOOP;
END
$$;
