-- Runs of imports: begun by a command or taken from an event, on their way, failed or cancelled.
-- SQLSTATEs of our own: SP002 the run is another user's, SP003 wrong argument.

-- One row a run. `ordinal` is the order in which runs were begun: it settles which of two runs is newer
-- where both were requested at the same time. `kind` is what the run is for: primary, what was asked for; quick, first
-- sections while the primary run `parent_id` of the same number is at work; fallback, sections of v1 after a primary
-- run of the import has failed; shadow, a run beside `parent_id` for comparison, of which nobody is told.
CREATE TABLE public.imports (
    import_id uuid NOT NULL,
    run integer NOT NULL CHECK (run >= 1),
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    user_id uuid NOT NULL,
    pipeline text NOT NULL,
    kind text NOT NULL DEFAULT 'primary' CHECK (kind IN ('primary', 'quick', 'fallback', 'shadow')),
    parent_id uuid,
    source text NOT NULL,
    variant text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'received' CHECK (state IN (
        'received', 'chunking', 'extracting', 'consolidating', 'complete', 'failed', 'cancelled')),
    progress_percent real NOT NULL DEFAULT 0 CHECK (progress_percent BETWEEN 0 AND 100),
    stage text,
    -- how far the reading of the export is: bytes_read, bytes_total, conversations
    reading jsonb NOT NULL DEFAULT '{}',
    counts jsonb NOT NULL DEFAULT '{}',
    breaks jsonb NOT NULL DEFAULT '[]',
    superseded jsonb NOT NULL DEFAULT '[]',
    sample jsonb NOT NULL DEFAULT '[]',
    chunks_total integer CHECK (chunks_total >= 0),
    chunks_ok integer NOT NULL DEFAULT 0,
    chunks_dead integer NOT NULL DEFAULT 0,
    chunks_cached integer NOT NULL DEFAULT 0,
    facts_extracted integer NOT NULL DEFAULT 0,
    fact_counts jsonb NOT NULL DEFAULT '{}',
    coverage double precision CHECK (coverage BETWEEN 0 AND 1),
    usage jsonb NOT NULL DEFAULT '{}',
    cost double precision,
    error jsonb,
    lease_owner text,
    lease_until timestamptz,
    requested_at timestamptz NOT NULL DEFAULT now(),
    -- when its event was last put on the log; null: not yet
    offered_at timestamptz,
    -- until when somebody is at work on offering it
    relay_until timestamptz,
    -- what the request said of the export besides: conversation_count, message_count
    asked jsonb NOT NULL DEFAULT '{}',
    begun_at timestamptz NOT NULL DEFAULT now(),
    chunked_at timestamptz,
    extracted_at timestamptz,
    claimed_at timestamptz,
    published_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- true for runs that the services drive, false for those that one process runs from end to end
    on_log boolean NOT NULL DEFAULT false,
    -- how often the sweeper drove the run again, when, and how many chunks were in then
    redrives integer NOT NULL DEFAULT 0,
    redriven_at timestamptz,
    redriven_done integer,
    -- most bytes that a reading of its export came to
    furthest bigint NOT NULL DEFAULT 0,
    -- who began it and never left it since it last came further, and how far it was then: bytes and chunks
    begun_by text[] NOT NULL DEFAULT '{}',
    begun_far bigint NOT NULL DEFAULT 0,
    -- true: the person has said that this run's memory is to be served, however much less it holds
    replaces boolean NOT NULL DEFAULT false,
    -- why what a complete run made is not served: older (a newer run's is), smaller (it would lose much of what is
    -- served, and is kept beside it), outdone (sections without a memory, where better ones are served), shadow (it is
    -- never served), held (a replay came out much worse than the run that it was to replace, and is kept beside it);
    -- null: it is or was served, or the run is not complete
    unserved text CHECK (unserved IN ('older', 'smaller', 'outdone', 'shadow', 'held')),
    -- how the profile is told of the run: as Markdown, or as the app reads it
    profile_format text NOT NULL DEFAULT 'markdown' CHECK (profile_format IN ('markdown', 'app')),
    -- the lineage that the person names for all of the export; null: as its accounts tell
    lineage text,
    -- the accounts that its reading met, by number: lineage, vendor, and what was read of each
    accounts jsonb NOT NULL DEFAULT '[]',
    -- what stands beside its own facts, of the user's other lineages: lineage, vendor, import_id, run, account
    joined jsonb NOT NULL DEFAULT '[]',
    -- how often that changed: a memory is made from one of these
    edition integer NOT NULL DEFAULT 0,
    -- which models read its chunks, and with which prompts: {model, prompt_version}, each once
    readers jsonb NOT NULL DEFAULT '[]',
    -- whether it stands behind what people wait for: live, replay
    priority text NOT NULL DEFAULT 'live' CHECK (priority IN ('live', 'replay')),
    -- of a run of a replay: which replay, from where on it works anew (chunks: it reads the export; facts: it has the
    -- chunks of base_run read again; memory: it has its facts), and the run of the import that it is to replace
    replay_id uuid,
    replay_stage text CHECK (replay_stage IN ('chunks', 'facts', 'memory')),
    base_run integer,
    -- when a run that had ended was opened again, since chunks of it were requeued
    reopened_at timestamptz,
    -- how it stood before that: state, unserved, coverage
    reopened_from jsonb,
    -- what such a run had cost by then besides what is recorded of its chunks
    spent_before jsonb NOT NULL DEFAULT '{}',
    CHECK ((replay_id IS NULL) = (replay_stage IS NULL) AND (replay_id IS NULL) = (base_run IS NULL)),
    PRIMARY KEY (import_id, run)
);
CREATE INDEX imports_of_user ON public.imports (user_id, requested_at, ordinal);
-- Without updated_at: each call that counts chunks would have to write to every index.
CREATE INDEX imports_unfinished ON public.imports (pipeline)
    WHERE state NOT IN ('complete', 'failed', 'cancelled');
CREATE INDEX imports_in_order ON public.imports (ordinal);
CREATE INDEX imports_to_offer ON public.imports (priority, relay_until NULLS FIRST, requested_at)
    WHERE state = 'received' AND on_log AND offered_at IS NULL;
CREATE INDEX imports_of_parent ON public.imports (parent_id) WHERE parent_id IS NOT NULL;

ALTER TABLE public.imports ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.imports FROM PUBLIC, anon, authenticated, service_role;
REVOKE ALL ON SEQUENCE public.imports_ordinal_seq FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.imports TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.imports TO service_role;
CREATE POLICY own_rows ON public.imports FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY services ON public.imports TO service_role USING (true) WITH CHECK (true);

-- A run's request time lies between 1970 and 9999, whoever writes it: read as UTC, or in any other zone, it is
-- a time in every language.
CREATE FUNCTION public.bound_request_time() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.requested_at := least(greatest(NEW.requested_at, '1970-01-01 00:00:00+00'), '9998-12-31 00:00:00+00');
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION public.bound_request_time() FROM PUBLIC, anon, authenticated;

CREATE TRIGGER bound_request_time BEFORE INSERT OR UPDATE OF requested_at ON public.imports
    FOR EACH ROW EXECUTE FUNCTION public.bound_request_time();

-- When a run counts as requested: as its request says, unless that lies in the future. What is requested now
-- comes after all that the user requested before, also where the database's clock was set back meanwhile.
CREATE FUNCTION public.request_time(p_user uuid, claimed timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN claimed < now() THEN claimed
                ELSE greatest(now(), (SELECT max(o.requested_at) FROM imports o
                                      WHERE o.user_id = p_user AND o.kind <> 'shadow')) END
$$;

-- True of a run that was complete, and was opened again for chunks that were requeued: it ends complete, whatever comes.
CREATE FUNCTION public.is_opened_again(i public.imports) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(i.reopened_from ->> 'state' = 'complete', false)
       AND i.state IN ('chunking', 'extracting', 'consolidating')
$$;

-- What is told of a run's state: unserved, of a complete run whose memory is not served.
CREATE FUNCTION public.told_state(i public.imports) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN i.unserved IS NULL THEN i.state ELSE 'unserved' END
$$;

-- Numbers of accounts below it are of the run itself, the others of what it joined.
CREATE FUNCTION public.first_joined() RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT 16
$$;

-- The lineages that a run's own reading met.
CREATE FUNCTION public.own_lineages(i public.imports) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ARRAY(SELECT DISTINCT e ->> 'lineage' FROM jsonb_array_elements(i.accounts) e)
$$;

-- Whose a run's facts are, by the number of their account: vendor and lineage. What it joined stands in place of
-- its own of the same lineage.
CREATE FUNCTION public.accounts_of(i public.imports) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(a.number, jsonb_build_object(
        'vendor', a.e ->> 'vendor', 'lineage', a.e ->> 'lineage')), '{}')
    FROM (
        SELECT n - 1 AS number, e FROM jsonb_array_elements(i.accounts) WITH ORDINALITY AS x(e, n)
        WHERE NOT i.joined @> jsonb_build_array(jsonb_build_object('lineage', e -> 'lineage'))
        UNION ALL
        SELECT first_joined() + n - 1, e FROM jsonb_array_elements(i.joined) WITH ORDINALITY AS x(e, n)) a
$$;

-- The lineages whose runs make a user's memory, in order.
CREATE FUNCTION public.lineages_of(p_user uuid) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN ARRAY(SELECT l.lineage FROM lineages l
                 WHERE l.user_id = p_user AND l.import_id IS NOT NULL AND l.lineage <> '' ORDER BY l.lineage);
END
$$;

-- True of a run that nobody waits for and of which its user is told nothing: a replay, until its memory is served.
CREATE FUNCTION public.is_silent(i public.imports) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.replay_id IS NOT NULL AND NOT (i.state = 'complete' AND i.unserved IS NULL)
$$;

-- True if no later primary run of the user stands beside this one, which is one, too: only the newest speaks in
-- user_profiles.
CREATE FUNCTION public.is_newest_run(i public.imports) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.kind = 'primary' AND NOT is_silent(i) AND NOT EXISTS (
        SELECT FROM imports o
        WHERE o.user_id = i.user_id AND o.kind = 'primary' AND o.state <> 'cancelled' AND NOT is_silent(o)
          AND (o.requested_at, o.ordinal) > (i.requested_at, i.ordinal))
$$;

-- True if no later primary run of v2, or of what comes after it, stands beside this one, which is one, too: only the
-- newest speaks in full_pass_*, which v1 does not know.
CREATE FUNCTION public.is_newest_pass(i public.imports) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.kind = 'primary' AND i.pipeline <> 'v1' AND NOT is_silent(i) AND NOT EXISTS (
        SELECT FROM imports o
        WHERE o.user_id = i.user_id AND o.kind = 'primary' AND o.pipeline <> 'v1' AND o.state <> 'cancelled'
          AND NOT is_silent(o) AND (o.requested_at, o.ordinal) > (i.requested_at, i.ordinal))
$$;

-- The primary run through which a run speaks: itself; of a quick run the last of its parent, of a fallback the last of
-- its import. A shadow run has none.
CREATE FUNCTION public.primary_of(i public.imports) RETURNS public.imports
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    m imports;
BEGIN
    IF i.kind = 'primary' THEN
        RETURN i;
    END IF;
    SELECT * INTO m FROM imports n
        WHERE n.import_id = CASE i.kind WHEN 'quick' THEN i.parent_id WHEN 'fallback' THEN i.import_id END
          AND n.user_id = i.user_id AND n.kind = 'primary' AND NOT is_silent(n) ORDER BY n.run DESC LIMIT 1;
    RETURN m;
END
$$;

-- True of runs that make a MEMORY; the others have sections, and stand back behind them.
CREATE FUNCTION public.makes_memory(i public.imports) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.kind IN ('primary', 'shadow') AND i.pipeline <> 'v1'
$$;

-- True if all chunks are in and the memory is not published: the run may be claimed.
CREATE FUNCTION public.is_complete_run(i public.imports) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(i.chunks_ok + i.chunks_dead >= i.chunks_total, false)
       AND i.published_at IS NULL
       AND i.state IN ('chunking', 'extracting', 'consolidating')
$$;

-- What a run of a replay is made from. `same_chunks`: its chunks are those of its base. `total`: how many, once that is
-- told. `written`: the runs that put those chunks on the log, its base first, then what that was made from, and so on.
CREATE FUNCTION public.replay_of(i public.imports) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN jsonb_build_object(
        'stage', i.replay_stage, 'base_run', i.base_run, 'total', i.chunks_total,
        'same_chunks', i.replay_stage <> 'chunks' OR EXISTS (
            SELECT FROM replays r WHERE r.id = i.replay_id AND r.which <@ ARRAY['missing', 'dead']),
        'written', (
            WITH RECURSIVE earlier AS (
                SELECT b.*, 1 AS step FROM imports b WHERE b.import_id = i.import_id AND b.run = i.base_run
                UNION ALL
                -- a replay of a memory wrote no chunks; one that read the export anew may have cut it otherwise
                SELECT b.*, e.step + CASE e.replay_stage WHEN 'memory' THEN 0 ELSE 1 END FROM earlier e
                JOIN imports b ON b.import_id = e.import_id AND b.run = e.base_run
                WHERE b.run < e.run AND e.step < 8 AND (e.replay_stage <> 'chunks' OR EXISTS (
                    SELECT FROM replays r WHERE r.id = e.replay_id AND r.which <@ ARRAY['missing', 'dead']))
            )
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'run', e.run, 'pipeline', e.pipeline, 'begun_at', e.begun_at, 'ended_at', t.ended,
                'read_at', CASE WHEN e.chunked_at > e.begun_at THEN e.chunked_at ELSE t.ended END) ORDER BY e.run DESC), '[]')
            FROM earlier e, LATERAL (SELECT coalesce(e.extracted_at, e.finished_at, e.updated_at) AS ended) t
            WHERE e.replay_stage IS DISTINCT FROM 'memory'));
END
$$;

-- Begins the run that an event names, or goes on with it; a run that is there keeps its kind and its parent. Older
-- unfinished runs of the import end; of an import's runs the one with the higher number is newer, whatever its event
-- says. Both hold among runs of one kind: a fallback goes on beside the next primary run.
-- refusal, if there is nothing to do: older (a newer run exists), complete, failed, cancelled, extracted (all
-- chunks are in); or what must not be: foreign (the import is another user's), elsewhere (another pipeline's,
-- or one process runs what the services are asked for, or the reverse).
-- begins: how many have begun it, this one included, without coming further and without leaving it (leave_run), as
-- processes that died of it. Who takes it is told as `taker`, and counts once however often.
CREATE FUNCTION public.take_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    newest imports;
    i imports;
    refusal text;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, run integer, source text, pipeline text, variant text, on_log boolean,
        requested_at timestamptz, profile_format text, lineage text, kind text, parent_id uuid, taker text);
    a.taker := coalesce(a.taker, gen_random_uuid()::text);
    a.profile_format := coalesce(a.profile_format, 'markdown');
    a.kind := coalesce(a.kind, 'primary');
    PERFORM pg_advisory_xact_lock(hashtextextended(a.import_id::text, 1));
    PERFORM FROM imports n WHERE n.import_id = a.import_id ORDER BY n.run FOR UPDATE;  -- in the order of record_chunks
    SELECT * INTO newest FROM imports n WHERE n.import_id = a.import_id ORDER BY n.run DESC LIMIT 1;
    SELECT * INTO i FROM imports n WHERE n.import_id = a.import_id AND n.run = a.run;
    a.kind := coalesce(i.kind, a.kind);
    refusal := CASE
        WHEN newest.user_id <> a.user_id THEN 'foreign'
        WHEN EXISTS (SELECT FROM imports n
                     WHERE n.import_id = a.import_id AND n.run > a.run AND n.kind = a.kind) THEN 'older'
        WHEN i.state IN ('complete', 'failed', 'cancelled') THEN i.state
        WHEN i.on_log <> a.on_log OR i.pipeline <> a.pipeline THEN 'elsewhere'
        WHEN i.state = 'consolidating' OR is_complete_run(i) THEN 'extracted'
    END;
    IF refusal IS NULL AND i.kind = 'quick' AND i.state = 'received' AND is_served(a.user_id) THEN
        UPDATE imports n SET state = 'cancelled', finished_at = now(), updated_at = now(),
                error = jsonb_build_object('step', 'take_run', 'message', 'sections are served already')
            WHERE n.import_id = a.import_id AND n.run = a.run;
        refusal := 'cancelled';  -- it would be paid for, and come to nothing
    END IF;
    IF refusal IS NOT NULL THEN
        RETURN jsonb_build_object('refusal', refusal);
    END IF;
    IF i.import_id IS NULL OR i.state = 'received' THEN
        PERFORM close_reopened(n, 'a newer run was begun') FROM imports n
            WHERE n.import_id = a.import_id AND n.run < a.run AND n.kind = a.kind AND is_opened_again(n);
        UPDATE imports n SET state = 'cancelled', finished_at = now(), updated_at = now(),
                lease_owner = NULL, lease_until = NULL,
                error = jsonb_build_object('step', 'take_run', 'message', 'a newer run was begun')
            WHERE n.import_id = a.import_id AND n.run < a.run AND n.kind = a.kind
              AND n.state NOT IN ('complete', 'failed', 'cancelled');
    END IF;
    IF i.import_id IS NOT NULL THEN
        UPDATE imports n SET source = a.source, updated_at = now(),
                variant = coalesce(nullif(n.variant, ''), a.variant), profile_format = a.profile_format,
                lineage = coalesce(n.lineage, a.lineage),
                begun_by = a.taker || CASE WHEN n.furthest + n.chunks_ok + n.chunks_dead > n.begun_far THEN '{}'
                                        ELSE (array_remove(n.begun_by, a.taker))[1:31] END,
                begun_far = n.furthest + n.chunks_ok + n.chunks_dead,
                begun_at = CASE WHEN n.state = 'received' THEN now() ELSE n.begun_at END,
                state = CASE WHEN n.state <> 'received' THEN n.state
                             WHEN n.chunked_at IS NOT NULL THEN 'extracting'  -- a replay took the reading over
                             ELSE 'chunking' END
            WHERE n.import_id = a.import_id AND n.run = a.run RETURNING n.* INTO i;
    ELSE
        INSERT INTO imports (import_id, run, user_id, pipeline, kind, parent_id, source, variant, state,
                             requested_at, on_log, profile_format, lineage, begun_by)
        VALUES (a.import_id, a.run, a.user_id, a.pipeline, a.kind, a.parent_id, a.source,
                coalesce(a.variant, ''), 'chunking',
                greatest(request_time(a.user_id, a.requested_at), newest.requested_at), a.on_log,
                a.profile_format, a.lineage, ARRAY[a.taker])
        RETURNING * INTO i;
    END IF;
    IF i.kind <> 'shadow' THEN
        INSERT INTO user_profiles (user_id) VALUES (a.user_id) ON CONFLICT (user_id) DO NOTHING;
        PERFORM tell_profile(i);
    END IF;
    RETURN jsonb_build_object('refusal', NULL, 'variant', i.variant, 'kind', i.kind, 'begins', cardinality(i.begun_by),
                              'replay', CASE WHEN i.replay_id IS NOT NULL THEN replay_of(i) END);
END
$$;

-- Who took a run leaves it, whatever it came to: then it did not die of it. Nothing for who has not taken it.
CREATE FUNCTION public.leave_run(argument jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE imports SET begun_by = array_remove(begun_by, argument ->> 'taker')
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND argument ->> 'taker' = ANY (begun_by);
    SELECT to_jsonb(true)
$$;

-- How far an unfinished run is. Shown in the profile if the run is the user's newest.
CREATE FUNCTION public.update_progress(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
BEGIN
    UPDATE imports SET
            progress_percent = (argument ->> 'percent')::real, stage = argument ->> 'stage',
            reading = argument -> 'reading', updated_at = now(),
            furthest = greatest(furthest, coalesce((argument -> 'reading' ->> 'bytes_read')::bigint, 0))
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state NOT IN ('complete', 'failed', 'cancelled')
        RETURNING * INTO i;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    PERFORM tell_profile(i);
    RETURN to_jsonb(true);
END
$$;

-- Shows how far runs are whose chunking is done.
CREATE FUNCTION public.note_progress(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
BEGIN
    -- Runs and then profiles, each in one order, so that neither of two callers waits for the other.
    PERFORM FROM imports n JOIN jsonb_to_recordset(argument -> 'runs') AS r(import_id uuid, run integer)
        ON n.import_id = r.import_id AND n.run = r.run ORDER BY n.import_id, n.run FOR UPDATE OF n;
    FOR i IN
        WITH noted AS (
            UPDATE imports n SET stage = 'extracting',
                    progress_percent = least(
                        90, 90.0 * (n.chunks_ok + n.chunks_dead) / greatest(n.chunks_total, 1))
                FROM jsonb_to_recordset(argument -> 'runs') AS r(import_id uuid, run integer)
                WHERE n.import_id = r.import_id AND n.run = r.run AND n.state = 'extracting'
                RETURNING n.*)
        SELECT * FROM noted ORDER BY user_id
    LOOP
        PERFORM tell_profile(i);
    END LOOP;
    RETURN to_jsonb(true);
END
$$;

-- Keeps others from adding runs to an import, where the failure of this one may add one. Comes before any lock of a
-- row, as in accept_import and take_run.
CREATE FUNCTION public.hold_runs(p_import_id uuid, p_run integer) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtextextended(i.import_id::text, 1)) FROM imports i
    WHERE i.import_id = p_import_id AND i.run = p_run AND i.kind = 'primary' AND i.on_log AND i.pipeline <> 'v1'
$$;

-- After a primary run has failed on the log, v1 is to give sections: once for an import, where none are served and no
-- newer run of it was asked for. The event of that run is put on the log by whoever looks for runs without one.
CREATE FUNCTION public.add_fallback(i public.imports) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO imports (import_id, run, user_id, pipeline, kind, source, on_log, profile_format, lineage, asked,
                         requested_at)
    SELECT i.import_id, i.run + 1, i.user_id, 'v1', 'fallback', i.source, true, i.profile_format, i.lineage, i.asked,
           i.requested_at + interval '1 microsecond'
    WHERE i.state = 'failed' AND i.kind = 'primary' AND i.on_log AND i.pipeline <> 'v1' AND i.replay_id IS NULL
      AND NOT EXISTS (
          SELECT FROM imports o
          WHERE o.import_id = i.import_id AND (o.run > i.run OR o.kind = 'fallback'))
      AND NOT EXISTS (SELECT FROM user_profiles p WHERE p.user_id = i.user_id AND has_sections(p));
END
$$;

-- Ends an unfinished run as failed. What the profile serves stays. False if the run had ended before. `at_fault`: the
-- export itself, so that no other pipeline could do better; else a fallback may follow. One that was complete before it
-- was opened again is complete once more, as it was.
CREATE FUNCTION public.fail_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    at_fault CONSTANT boolean := coalesce((argument ->> 'at_fault')::boolean, false);
    i imports;
BEGIN
    IF NOT at_fault THEN
        PERFORM hold_runs((argument ->> 'import_id')::uuid, (argument ->> 'run')::integer);
    END IF;
    UPDATE imports SET
            state = 'failed', finished_at = now(), updated_at = now(), lease_owner = NULL, lease_until = NULL,
            error = jsonb_build_object('step', argument ->> 'step', 'message', argument ->> 'error')
                || CASE WHEN at_fault THEN '{"at_fault": true}' ELSE '{}' END::jsonb
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state NOT IN ('complete', 'failed', 'cancelled')
        RETURNING * INTO i;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    IF i.reopened_from ->> 'state' = 'complete' THEN
        i := close_reopened(i, (argument ->> 'step') || ' failed: ' || (argument ->> 'error'));
    ELSIF NOT at_fault THEN
        PERFORM add_fallback(i);
    END IF;
    PERFORM tell_profile(i);
    RETURN to_jsonb(true);
END
$$;

-- Ends an unfinished run on the person's wish, and those beside it, the fallback for one before it, too; results that
-- still come in are ignored. One that was complete before it was opened again is complete once more, as it was.
CREATE FUNCTION public.cancel_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
BEGIN
    -- in the order of record_chunks, so that neither waits for the other in a circle
    PERFORM FROM imports n
        WHERE n.import_id = (argument ->> 'import_id')::uuid
              AND (n.run = (argument ->> 'run')::integer OR n.kind = 'fallback')
           OR n.parent_id = (argument ->> 'import_id')::uuid
        ORDER BY n.import_id, n.run FOR UPDATE;
    SELECT * INTO i FROM imports n
        WHERE n.import_id = (argument ->> 'import_id')::uuid AND n.run = (argument ->> 'run')::integer;
    IF is_opened_again(i) THEN
        i := close_reopened(i, 'the import was cancelled');
        PERFORM tell_profile(i);
        RETURN to_jsonb(true);
    END IF;
    UPDATE imports SET
            state = 'cancelled', finished_at = now(), updated_at = now(),
            lease_owner = NULL, lease_until = NULL
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state NOT IN ('complete', 'failed', 'cancelled')
        RETURNING * INTO i;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    IF i.kind = 'primary' THEN
        UPDATE imports o SET
                state = 'cancelled', finished_at = now(), updated_at = now(),
                lease_owner = NULL, lease_until = NULL
            WHERE (o.parent_id = i.import_id OR o.import_id = i.import_id AND o.kind = 'fallback')
              AND o.user_id = i.user_id AND o.state NOT IN ('complete', 'failed', 'cancelled');
    END IF;
    PERFORM tell_profile(i);
    RETURN to_jsonb(true);
END
$$;

REVOKE ALL ON FUNCTION
    public.request_time(uuid, timestamptz), public.told_state(public.imports), public.is_silent(public.imports),
    public.is_opened_again(public.imports),
    public.first_joined(),
    public.own_lineages(public.imports), public.accounts_of(public.imports), public.lineages_of(uuid),
    public.is_newest_run(public.imports), public.is_newest_pass(public.imports), public.primary_of(public.imports),
    public.makes_memory(public.imports), public.is_complete_run(public.imports), public.replay_of(public.imports),
    public.take_run(jsonb), public.leave_run(jsonb), public.update_progress(jsonb), public.note_progress(jsonb),
    public.hold_runs(uuid, integer), public.add_fallback(public.imports), public.fail_run(jsonb),
    public.cancel_run(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.request_time(uuid, timestamptz), public.told_state(public.imports), public.is_silent(public.imports),
    public.is_opened_again(public.imports),
    public.first_joined(),
    public.own_lineages(public.imports), public.accounts_of(public.imports), public.lineages_of(uuid),
    public.is_newest_run(public.imports), public.is_newest_pass(public.imports), public.primary_of(public.imports),
    public.makes_memory(public.imports), public.is_complete_run(public.imports), public.replay_of(public.imports),
    public.take_run(jsonb), public.leave_run(jsonb), public.update_progress(jsonb), public.note_progress(jsonb),
    public.hold_runs(uuid, integer), public.add_fallback(public.imports), public.fail_run(jsonb),
    public.cancel_run(jsonb)
TO service_role;
