-- The order of a user's runs is the database's to decide, and holds for their passages, too.

-- What a clock ahead had stored as requested later than it was taken up.
UPDATE public.imports SET requested_at = least(begun_at, now()) WHERE requested_at > least(begun_at, now());

-- When a run counts as requested: as its request says, unless that lies in the future. What is requested now
-- comes after all that the user requested before, also where the database's clock was set back meanwhile.
CREATE FUNCTION public.request_time(p_user uuid, claimed timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN claimed < now() THEN claimed
                ELSE greatest(now(), (SELECT max(o.requested_at) FROM imports o WHERE o.user_id = p_user)) END
$$;

-- True: the person has said that this run's memory is to be served, however much less it holds.
ALTER TABLE public.imports ADD COLUMN replaces boolean NOT NULL DEFAULT false;

-- As before; a request for a run that is under way makes it the newest where a newer one is served already: else
-- what is asked for now would come to nothing. `replace` is the person's word that much may be lost.
CREATE OR REPLACE FUNCTION public.request_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    newest imports;
    resumed boolean := false;
    outdone boolean;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, source text, pipeline text, variant text, on_log boolean,
        replace boolean);
    PERFORM pg_advisory_xact_lock(hashtextextended(a.import_id::text, 1));
    SELECT * INTO newest FROM imports i
        WHERE i.import_id = a.import_id ORDER BY i.run DESC LIMIT 1 FOR UPDATE;
    IF newest.user_id <> a.user_id THEN
        RAISE EXCEPTION 'import % belongs to another user', a.import_id USING ERRCODE = 'SP002';
    END IF;
    IF newest.state NOT IN ('complete', 'failed', 'cancelled') THEN
        resumed := newest.pipeline = a.pipeline AND newest.on_log = a.on_log
            AND a.variant IN ('', newest.variant);
        IF resumed THEN
            outdone := EXISTS (
                SELECT FROM user_profiles p JOIN imports s ON s.import_id = p.import_id AND s.run = p.run
                WHERE p.user_id = a.user_id
                  AND (s.requested_at, s.ordinal) > (newest.requested_at, newest.ordinal));
            UPDATE imports i SET source = a.source, replaces = i.replaces OR coalesce(a.replace, false),
                    requested_at = CASE WHEN outdone THEN request_time(a.user_id, NULL) ELSE i.requested_at END,
                    -- read anew, where chunks are missing: the newer run may have stored its passages instead
                    state = CASE WHEN outdone AND i.state = 'extracting' THEN 'chunking' ELSE i.state END,
                    updated_at = now()
                WHERE i.import_id = newest.import_id AND i.run = newest.run
                RETURNING i.* INTO newest;
        ELSIF NOT a.on_log THEN
            UPDATE imports i SET state = 'cancelled', finished_at = now(), updated_at = now(),
                    error = jsonb_build_object('step', 'request_run', 'message', 'begun anew')
                WHERE i.import_id = newest.import_id AND i.run = newest.run;
        END IF;
    END IF;
    IF NOT resumed THEN
        INSERT INTO imports (import_id, run, user_id, pipeline, source, variant, on_log, replaces,
                             requested_at)
        VALUES (a.import_id, coalesce(newest.run, 0) + 1, a.user_id, a.pipeline, a.source, a.variant, a.on_log,
                coalesce(a.replace, false), request_time(a.user_id, NULL))
        RETURNING * INTO newest;
    END IF;
    RETURN jsonb_build_object(
        'run', newest.run, 'resumed', resumed, 'requested_at', newest.requested_at);
END
$$;

-- As before; of an import's runs the one with the higher number is newer, whatever its event says.
CREATE OR REPLACE FUNCTION public.take_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    newest imports;
    i imports;
    refusal text;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, run integer, source text, pipeline text, variant text, on_log boolean,
        requested_at timestamptz);
    PERFORM pg_advisory_xact_lock(hashtextextended(a.import_id::text, 1));
    SELECT * INTO newest FROM imports n
        WHERE n.import_id = a.import_id ORDER BY n.run DESC LIMIT 1 FOR UPDATE;
    SELECT * INTO i FROM imports n WHERE n.import_id = a.import_id AND n.run = a.run FOR UPDATE;
    refusal := CASE
        WHEN newest.user_id <> a.user_id THEN 'foreign'
        WHEN newest.run > a.run THEN 'older'
        WHEN i.state IN ('complete', 'failed', 'cancelled') THEN i.state
        WHEN i.on_log <> a.on_log OR i.pipeline <> a.pipeline THEN 'elsewhere'
        WHEN i.state = 'consolidating' OR is_complete_run(i) THEN 'extracted'
    END;
    IF refusal IS NOT NULL THEN
        RETURN jsonb_build_object('refusal', refusal);
    END IF;
    IF i.import_id IS NULL OR i.state = 'received' THEN
        UPDATE imports n SET state = 'cancelled', finished_at = now(), updated_at = now(),
                lease_owner = NULL, lease_until = NULL,
                error = jsonb_build_object('step', 'take_run', 'message', 'a newer run was begun')
            WHERE n.import_id = a.import_id AND n.run < a.run
              AND n.state NOT IN ('complete', 'failed', 'cancelled');
    END IF;
    IF i.import_id IS NOT NULL THEN
        UPDATE imports n SET source = a.source, updated_at = now(),
                variant = coalesce(nullif(n.variant, ''), a.variant),
                begun_at = CASE WHEN n.state = 'received' THEN now() ELSE n.begun_at END,
                state = CASE WHEN n.state = 'received' THEN 'chunking' ELSE n.state END
            WHERE n.import_id = a.import_id AND n.run = a.run RETURNING n.* INTO i;
    ELSE
        INSERT INTO imports (import_id, run, user_id, pipeline, source, variant, state, requested_at, on_log)
        VALUES (a.import_id, a.run, a.user_id, a.pipeline, a.source, coalesce(a.variant, ''), 'chunking',
                greatest(request_time(a.user_id, a.requested_at), newest.requested_at), a.on_log)
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

-- Which run a conversation's passages are of, as its place in the order of the user's runs. A run that leaves
-- a conversation as it is, or deletes it, has its place here all the same.
CREATE TABLE public.conversation_runs (
    user_id uuid NOT NULL,
    conversation_id text COLLATE "C" NOT NULL,
    requested_at timestamptz NOT NULL,
    ordinal bigint NOT NULL,
    PRIMARY KEY (user_id, conversation_id)
);
-- Whose the stored ones are was not noted: they count as the served run's.
INSERT INTO public.conversation_runs (user_id, conversation_id, requested_at, ordinal)
SELECT DISTINCT c.user_id, c.conversation_id, i.requested_at, i.ordinal
FROM public.conversation_chunks c
JOIN public.user_profiles p ON p.user_id = c.user_id
JOIN public.imports i ON i.import_id = p.import_id AND i.run = p.run;

ALTER TABLE public.conversation_runs ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.conversation_runs FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.conversation_runs TO service_role;
CREATE POLICY services ON public.conversation_runs TO service_role USING (true) WITH CHECK (true);

-- Makes these conversations (given once each) the run's at this place, but for those that a newer run has:
-- these are answered, and must be left alone. Until the caller's transaction ends no other run gets at them.
CREATE FUNCTION public.take_conversations(
    p_user uuid, p_requested_at timestamptz, p_ordinal bigint, ids text[]) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    taken integer;
BEGIN
    -- In one order, so that two runs at once wait for each other and not both.
    INSERT INTO conversation_runs AS r (user_id, conversation_id, requested_at, ordinal)
    SELECT p_user, n.id, p_requested_at, p_ordinal FROM unnest(ids) AS n(id) ORDER BY n.id COLLATE "C"
    ON CONFLICT (user_id, conversation_id) DO UPDATE SET
        requested_at = excluded.requested_at, ordinal = excluded.ordinal
    WHERE (r.requested_at, r.ordinal) < (excluded.requested_at, excluded.ordinal);
    GET DIAGNOSTICS taken = ROW_COUNT;
    IF taken = cardinality(ids) THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT n.id FROM unnest(ids) AS n(id)
        CROSS JOIN LATERAL (
            SELECT FROM conversation_runs r
            WHERE r.user_id = p_user AND r.conversation_id = n.id COLLATE "C"
              AND (r.requested_at, r.ordinal) > (p_requested_at, p_ordinal) OFFSET 0) newer);
END
$$;

-- Stores passages of a run: new ones are inserted, changed ones rewritten, unchanged ones left. Where a
-- passage is the last of its conversation, those beyond it go. Of the same passage given twice, the last one
-- counts. Conversations that a newer run has are passed over; a caller that names no run, as before, overwrites.
-- is_recent is meant as of `now`: by default the moment of the save.
CREATE OR REPLACE FUNCTION public.save_chunks_batch(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    owner uuid := (argument ->> 'user_id')::uuid;
    recent_from timestamptz := coalesce((argument ->> 'now')::timestamptz, now()) - interval '180 days';
    i imports;
    newer text[] := '{}';
    written integer;
    deleted integer := 0;
    gone integer;
    finished record;
BEGIN
    IF argument ->> 'import_id' IS NOT NULL THEN
        SELECT * INTO i FROM imports n
            WHERE n.import_id = (argument ->> 'import_id')::uuid AND n.run = (argument ->> 'run')::integer
              AND n.user_id = owner;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'passages of a run that is not of this user' USING ERRCODE = 'SP002';
        END IF;
        newer := take_conversations(owner, i.requested_at, i.ordinal, ARRAY(
            SELECT DISTINCT e.conversation_id
            FROM jsonb_to_recordset(argument -> 'passages') AS e(conversation_id text)));
    END IF;
    INSERT INTO conversation_chunks AS c (user_id, conversation_id, passage_index, title, content,
                                          token_count, message_count, created_at, is_recent)
    SELECT owner, p.conversation_id, p.passage_index, p.title, p.content, p.token_count, p.message_count,
           to_timestamp(p.created_at), coalesce(to_timestamp(p.created_at) >= recent_from, false)
    FROM (
        SELECT DISTINCT ON (e ->> 'conversation_id', (e ->> 'passage_index')::integer)
               e ->> 'conversation_id' AS conversation_id, (e ->> 'passage_index')::integer AS passage_index,
               e ->> 'title' AS title, e ->> 'content' AS content,
               (e ->> 'token_count')::integer AS token_count,
               (e ->> 'message_count')::integer AS message_count,
               (e ->> 'created_at')::double precision AS created_at
        FROM jsonb_array_elements(argument -> 'passages') WITH ORDINALITY AS x(e, n)
        WHERE e ->> 'conversation_id' <> ALL (newer)
        ORDER BY e ->> 'conversation_id', (e ->> 'passage_index')::integer, n DESC
    ) p
    ON CONFLICT (user_id, conversation_id, passage_index) DO UPDATE SET
        title = excluded.title, content = excluded.content, token_count = excluded.token_count,
        message_count = excluded.message_count, created_at = excluded.created_at,
        is_recent = excluded.is_recent
    WHERE (c.title, c.token_count, c.message_count, c.created_at, c.is_recent, c.content)
        IS DISTINCT FROM (excluded.title, excluded.token_count, excluded.message_count,
                          excluded.created_at, excluded.is_recent, excluded.content);
    GET DIAGNOSTICS written = ROW_COUNT;
    -- One probe of the key a conversation: joined, the planner may read all passages of the user at every
    -- call, as it does while the table is new and not analysed.
    FOR finished IN
        SELECT DISTINCT ON (e.conversation_id) e.conversation_id, e.passage_index
        FROM ROWS FROM (jsonb_to_recordset(argument -> 'passages')
                        AS (conversation_id text, passage_index integer, last boolean))
             WITH ORDINALITY AS e(conversation_id, passage_index, last, n)
        WHERE e.last AND e.conversation_id <> ALL (newer) ORDER BY e.conversation_id, e.n DESC
    LOOP
        DELETE FROM conversation_chunks c
        WHERE c.user_id = owner AND c.conversation_id = finished.conversation_id COLLATE "C"
          AND c.passage_index > finished.passage_index;
        GET DIAGNOSTICS gone = ROW_COUNT;
        deleted := deleted + gone;
    END LOOP;
    RETURN jsonb_build_object('written', written, 'deleted', deleted);
END
$$;

-- As before; of what is forgotten, conversations that a newer run has stay.
CREATE OR REPLACE FUNCTION public.finish_chunking(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    i imports;
    forgotten text[];
    newer text[];
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, run integer, total integer, counts jsonb, sample jsonb, superseded jsonb,
        breaks jsonb, forgotten jsonb);
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
    forgotten := ARRAY(SELECT DISTINCT g FROM jsonb_array_elements_text(coalesce(a.forgotten, '[]')) g);
    newer := take_conversations(i.user_id, i.requested_at, i.ordinal, forgotten);
    DELETE FROM conversation_chunks c
        USING unnest(forgotten) AS gone(conversation_id)
        WHERE c.user_id = i.user_id AND c.conversation_id = gone.conversation_id COLLATE "C"
          AND gone.conversation_id <> ALL (newer);
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

REVOKE ALL ON FUNCTION
    public.request_time(uuid, timestamptz),
    public.take_conversations(uuid, timestamptz, bigint, text[])
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.request_time(uuid, timestamptz),
    public.take_conversations(uuid, timestamptz, bigint, text[])
TO service_role;
