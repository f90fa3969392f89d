-- The life of a run: begun, chunked, claimed, published, failed or cancelled.
-- SQLSTATEs of our own: SP001 no such run, SP002 the run is another user's, SP003 wrong argument.

-- True if no later run of the user stands beside this one: only the newest run speaks in user_profiles.
CREATE FUNCTION public.is_newest_run(i public.imports) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT NOT EXISTS (
        SELECT FROM imports o
        WHERE o.user_id = i.user_id AND o.state <> 'cancelled'
          AND (o.requested_at, o.ordinal) > (i.requested_at, i.ordinal))
$$;

-- True if all chunks are in and the memory is not published: the run may be claimed.
CREATE FUNCTION public.is_complete_run(i public.imports) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(i.chunks_ok + i.chunks_dead >= i.chunks_total, false)
       AND i.published_at IS NULL
       AND i.state IN ('chunking', 'extracting', 'consolidating')
$$;

-- Begins a run, or goes on with the newest one if it is unfinished and of the same pipeline and variant.
-- `variant` names what a run depends on besides the export (model, prompt, sizes): an unfinished run of
-- another variant is cancelled, since its chunks could not be told from the new ones.
CREATE FUNCTION public.begin_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    newest imports;
    resumed boolean := false;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, source text, pipeline text, variant text, requested_at timestamptz);
    PERFORM pg_advisory_xact_lock(hashtextextended(a.import_id::text, 1));
    SELECT * INTO newest FROM imports i
        WHERE i.import_id = a.import_id ORDER BY i.run DESC LIMIT 1 FOR UPDATE;
    IF newest.user_id <> a.user_id THEN
        RAISE EXCEPTION 'import % belongs to another user', a.import_id USING ERRCODE = 'SP002';
    END IF;
    IF newest.state NOT IN ('complete', 'failed', 'cancelled') THEN
        IF newest.pipeline = a.pipeline AND newest.variant = coalesce(a.variant, '') THEN
            resumed := true;
            UPDATE imports i SET source = a.source, updated_at = now()
                WHERE i.import_id = newest.import_id AND i.run = newest.run
                RETURNING i.* INTO newest;
        ELSE
            UPDATE imports i SET state = 'cancelled', finished_at = now(), updated_at = now(),
                    error = jsonb_build_object('step', 'begin_run', 'message', 'begun anew in another variant')
                WHERE i.import_id = newest.import_id AND i.run = newest.run;
        END IF;
    END IF;
    IF NOT resumed THEN
        INSERT INTO imports (import_id, run, user_id, pipeline, source, variant, state, requested_at)
        VALUES (a.import_id, coalesce(newest.run, 0) + 1, a.user_id, a.pipeline, a.source,
                coalesce(a.variant, ''), 'chunking', coalesce(a.requested_at, now()))
        RETURNING * INTO newest;
    END IF;
    IF is_newest_run(newest) THEN
        INSERT INTO user_profiles AS p (user_id, full_pass_status, full_pass_started_at, import_stage)
        VALUES (a.user_id, 'processing', newest.begun_at, newest.state)
        ON CONFLICT (user_id) DO UPDATE SET
            full_pass_status = 'processing', full_pass_started_at = newest.begun_at,
            full_pass_completed_at = NULL, full_pass_error = NULL, import_stage = newest.state,
            progress_percent = newest.progress_percent, updated_at = now();
    END IF;
    RETURN jsonb_build_object(
        'run', newest.run, 'resumed', resumed, 'state', newest.state,
        'chunks_total', newest.chunks_total, 'chunks_ok', newest.chunks_ok,
        'chunks_dead', newest.chunks_dead, 'published', newest.published_at IS NOT NULL);
END
$$;

-- Closes extraction of a run whose chunks are all in: facts of superseded conversations go, the rest are counted.
CREATE FUNCTION public.close_extraction(p_import_id uuid, p_run integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM facts f
        USING imports i, jsonb_to_recordset(i.superseded) AS s(conversation_id text, before_index integer)
        WHERE i.import_id = p_import_id AND i.run = p_run
          AND f.import_id = p_import_id AND f.run = p_run
          AND f.conversation_id = s.conversation_id COLLATE "C" AND f.chunk_index < s.before_index;
    UPDATE imports i SET
            facts_extracted = (SELECT count(*) FROM facts f WHERE f.import_id = p_import_id AND f.run = p_run),
            extracted_at = coalesce(i.extracted_at, now()), updated_at = now()
        WHERE i.import_id = p_import_id AND i.run = p_run;
END
$$;

-- Says how many chunks the run has and what its reading found. Answers whether all of them are in.
CREATE FUNCTION public.finish_chunking(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    i imports;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, run integer, total integer, counts jsonb, sample jsonb, superseded jsonb, breaks jsonb,
        forgotten jsonb);
    SELECT * INTO i FROM imports WHERE import_id = a.import_id AND run = a.run FOR UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('complete', false, 'ignored', 'unknown');
    ELSIF i.state NOT IN ('chunking', 'extracting') THEN
        RETURN jsonb_build_object('complete', is_complete_run(i), 'ignored', i.state);
    END IF;
    DELETE FROM chunk_results WHERE import_id = a.import_id AND run = a.run AND chunk_index >= a.total;
    IF FOUND THEN
        DELETE FROM facts WHERE import_id = a.import_id AND run = a.run AND chunk_index >= a.total;
    END IF;
    DELETE FROM conversation_chunks c
        USING jsonb_array_elements_text(coalesce(a.forgotten, '[]')) AS gone(conversation_id)
        WHERE c.user_id = i.user_id AND c.conversation_id = gone.conversation_id COLLATE "C";
    UPDATE imports SET
            state = 'extracting', chunks_total = a.total, counts = coalesce(a.counts, '{}'),
            sample = coalesce(a.sample, '[]'), superseded = coalesce(a.superseded, '[]'),
            breaks = coalesce(a.breaks, '[]'), chunked_at = coalesce(chunked_at, now()), updated_at = now(),
            (chunks_ok, chunks_dead, chunks_cached) = (
                SELECT count(*) FILTER (WHERE status = 'ok'), count(*) FILTER (WHERE status = 'dead'),
                       count(*) FILTER (WHERE cached)
                FROM chunk_results r WHERE r.import_id = a.import_id AND r.run = a.run)
        WHERE import_id = a.import_id AND run = a.run RETURNING * INTO i;
    IF is_complete_run(i) THEN
        PERFORM close_extraction(a.import_id, a.run);
    END IF;
    RETURN jsonb_build_object('complete', is_complete_run(i), 'ignored', NULL);
END
$$;

-- Takes a complete run under a lease, or takes over an expired lease. The same owner may claim again.
-- What an earlier, unfinished consolidation settled is forgotten: consolidation begins anew with each claim.
CREATE FUNCTION public.claim_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    i imports;
    refusal text;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, run integer, owner text, lease_seconds double precision);
    SELECT * INTO i FROM imports WHERE import_id = a.import_id AND run = a.run FOR UPDATE;
    refusal := CASE
        WHEN i.import_id IS NULL THEN 'unknown'
        WHEN i.state IN ('complete', 'failed', 'cancelled') THEN i.state
        WHEN i.published_at IS NOT NULL THEN 'published'
        WHEN NOT is_complete_run(i) THEN 'incomplete'
        WHEN i.lease_owner <> a.owner AND i.lease_until > clock_timestamp() THEN 'leased'
    END;
    IF refusal IS NULL THEN
        UPDATE imports SET
                state = 'consolidating', lease_owner = a.owner,
                lease_until = clock_timestamp() + make_interval(secs => a.lease_seconds),
                claimed_at = coalesce(claimed_at, now()), updated_at = now()
            WHERE import_id = a.import_id AND run = a.run;
        UPDATE facts SET status = 'current', support = 1, superseded_by = NULL, merged_into = NULL
            WHERE import_id = a.import_id AND run = a.run
              AND (status <> 'current' OR support <> 1);
    END IF;
    RETURN jsonb_build_object('claimed', refusal IS NULL, 'reason', refusal);
END
$$;

-- Prolongs a lease that still is the owner's; false if another took the run over, or it ended.
CREATE FUNCTION public.renew_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE imports SET
            lease_until = clock_timestamp() + make_interval(secs => (argument ->> 'lease_seconds')::double precision)
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND lease_owner = argument ->> 'owner' AND state = 'consolidating';
    RETURN to_jsonb(FOUND);
END
$$;

-- Gives a lease back, so that another need not wait for its end. False if it was not the owner's.
CREATE FUNCTION public.release_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE imports SET lease_owner = NULL, lease_until = NULL, updated_at = now()
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND lease_owner = argument ->> 'owner';
    RETURN to_jsonb(FOUND);
END
$$;

-- Notes that the memory of a run is on its way to the writer. False if that was noted before, or the run ended.
CREATE FUNCTION public.mark_published(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE imports SET published_at = now(), lease_owner = NULL, lease_until = NULL, updated_at = now()
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND published_at IS NULL AND state = 'consolidating';
    RETURN to_jsonb(FOUND);
END
$$;

-- How far an unfinished run is. Shown in the profile if the run is the user's newest.
CREATE FUNCTION public.update_progress(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
BEGIN
    UPDATE imports SET
            progress_percent = (argument ->> 'percent')::real, stage = argument ->> 'stage', updated_at = now()
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state NOT IN ('complete', 'failed', 'cancelled')
        RETURNING * INTO i;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    IF is_newest_run(i) THEN
        UPDATE user_profiles SET
                progress_percent = i.progress_percent, import_stage = i.stage, updated_at = now()
            WHERE user_id = i.user_id;
    END IF;
    RETURN to_jsonb(true);
END
$$;

-- Ends an unfinished run as failed. What the profile serves stays. False if the run had ended before.
CREATE FUNCTION public.fail_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
BEGIN
    UPDATE imports SET
            state = 'failed', finished_at = now(), updated_at = now(), lease_owner = NULL, lease_until = NULL,
            error = jsonb_build_object('step', argument ->> 'step', 'message', argument ->> 'error')
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state NOT IN ('complete', 'failed', 'cancelled')
        RETURNING * INTO i;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    IF is_newest_run(i) THEN
        UPDATE user_profiles SET
                full_pass_status = 'failed', full_pass_error = i.error ->> 'message',
                full_pass_completed_at = NULL, updated_at = now()
            WHERE user_id = i.user_id;
    END IF;
    RETURN to_jsonb(true);
END
$$;

-- Ends an unfinished run on the person's wish; results that still come in are ignored.
CREATE FUNCTION public.cancel_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
    newest boolean;
BEGIN
    SELECT * INTO i FROM imports
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state NOT IN ('complete', 'failed', 'cancelled')
        FOR UPDATE;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    newest := is_newest_run(i);
    UPDATE imports SET
            state = 'cancelled', finished_at = now(), updated_at = now(), lease_owner = NULL, lease_until = NULL
        WHERE import_id = i.import_id AND run = i.run;
    IF newest THEN
        UPDATE user_profiles SET
                full_pass_status = CASE WHEN import_id IS NULL THEN 'pending' ELSE 'complete' END,
                import_stage = 'cancelled', updated_at = now()
            WHERE user_id = i.user_id;
    END IF;
    RETURN to_jsonb(true);
END
$$;

-- Everything a report says of a run; null if there is no such run.
CREATE FUNCTION public.read_run(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(i) - ARRAY['sample', 'superseded', 'ordinal', 'usage'] || jsonb_build_object(
        'unread_conversations', (
            SELECT count(DISTINCT u) FROM chunk_results r, unnest(r.unread) u
            WHERE r.import_id = i.import_id AND r.run = i.run),
        'dropped', (
            SELECT coalesce(jsonb_object_agg(d.reason, d.total), '{}') FROM (
                SELECT e.key AS reason, sum(e.value::integer) AS total
                FROM chunk_results r, jsonb_each_text(r.dropped) e
                WHERE r.import_id = i.import_id AND r.run = i.run GROUP BY e.key) d),
        'extraction_usage', (
            SELECT jsonb_build_object(
                'calls', coalesce(sum((r.usage ->> 'calls')::bigint), 0),
                'input_tokens', coalesce(sum((r.usage ->> 'input_tokens')::bigint), 0),
                'output_tokens', coalesce(sum((r.usage ->> 'output_tokens')::bigint), 0),
                'cache_read_tokens', coalesce(sum((r.usage ->> 'cache_read_tokens')::bigint), 0),
                'cache_write_tokens', coalesce(sum((r.usage ->> 'cache_write_tokens')::bigint), 0),
                'cost', CASE WHEN bool_or(r.usage ->> 'cost' IS NULL) THEN NULL
                             ELSE coalesce(sum((r.usage ->> 'cost')::numeric), 0) END)
            FROM chunk_results r
            WHERE r.import_id = i.import_id AND r.run = i.run AND r.usage IS NOT NULL),
        'committed_usage', nullif(i.usage, '{}'))
    FROM imports i
    WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
$$;

-- The sample of the richest conversations, as finish_chunking was given it; null if there is no such run.
CREATE FUNCTION public.read_sample(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT sample FROM imports
    WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
$$;
