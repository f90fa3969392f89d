-- Planning a replay: which imports it does again, from which run of each, and what that will take. Nothing runs yet.

-- Looks at the imports that a replay's selection names, or at all of them. `why` is null for one that is to be done
-- again, from `run`; else it says what keeps it from that:
--   unknown    there is no such import
--   v1         it has no chunks: its runs are of v1
--   cancelled  each of its runs was cancelled
--   running    a run of it is under way
--   at fault   the export itself was why it failed
--   failed     it has no complete run to bring up to date
--   unserved   what it made is kept beside what is served
--   outdone    a newer export took its place
--   unread     it was not read to its end
-- An import of which nothing is as it is asked for, such as one without dead chunks, is passed over.
CREATE FUNCTION public.weigh_imports(
    r public.replays, OUT import_id uuid, OUT user_id uuid, OUT run integer, OUT why text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    partly CONSTANT boolean := r.which <@ ARRAY['missing', 'dead'];
    users CONSTANT uuid[] := ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(
        coalesce(nullif(r.selection -> 'users', 'null'), '[]')));
    named CONSTANT uuid[] := ARRAY(SELECT DISTINCT value::uuid FROM jsonb_array_elements_text(
        coalesce(nullif(r.selection -> 'imports', 'null'), '[]')));
    since CONSTANT timestamptz := (r.selection ->> 'since')::timestamptz;
    until CONSTANT timestamptz := (r.selection ->> 'until')::timestamptz;
    version CONSTANT text := r.selection ->> 'model_version';
    share CONSTANT double precision := CASE WHEN r.selection ->> 'sample' LIKE '%\%'
                                            THEN rtrim(r.selection ->> 'sample', '%')::double precision END;
    now_reads CONSTANT jsonb := jsonb_build_array(jsonb_build_object(
        'model', r.model, 'prompt_version', r.prompt_version));
    newest imports;
    b imports;
BEGIN
    -- One probe of each key an import: joined, the planner may read all there is again for each of them, as it does
    -- while the tables are new and not analysed.
    FOR import_id IN
        SELECT unnest(named) WHERE named <> '{}'
        UNION ALL
        SELECT DISTINCT n.import_id FROM imports n
        WHERE named = '{}' AND users <> '{}' AND n.user_id = ANY (users) AND n.kind = 'primary'
        UNION ALL
        SELECT DISTINCT n.import_id FROM imports n
        WHERE named = '{}' AND users = '{}' AND n.kind = 'primary' AND n.pipeline <> 'v1'
    LOOP
        CONTINUE WHEN sampled_at(import_id) >= share;
        SELECT * INTO newest FROM imports n
            WHERE n.import_id = weigh_imports.import_id AND n.kind = 'primary' AND n.pipeline <> 'v1'
              AND n.state <> 'cancelled'
            ORDER BY n.run DESC LIMIT 1;
        IF newest.import_id IS NULL THEN
            SELECT * INTO newest FROM imports n
                WHERE n.import_id = weigh_imports.import_id AND n.kind = 'primary' ORDER BY n.run DESC LIMIT 1;
            user_id := newest.user_id; run := newest.run;
            why := CASE WHEN newest.import_id IS NULL THEN 'unknown'
                        WHEN newest.pipeline = 'v1' THEN 'v1' ELSE 'cancelled' END;
            CONTINUE WHEN users <> '{}' AND user_id <> ALL (users);
            CONTINUE WHEN newest.import_id IS NOT NULL
                AND (newest.requested_at < since OR newest.requested_at >= until OR version IS NOT NULL);
            RETURN NEXT;
            CONTINUE;
        END IF;
        -- the newest that ended and is no replay that came to nothing: what begin_replay_run takes
        SELECT * INTO b FROM imports n
            WHERE n.import_id = newest.import_id AND n.kind = 'primary' AND n.pipeline <> 'v1'
              AND (n.state = 'complete' OR n.state = 'failed' AND partly) AND NOT is_silent(n)
              AND (partly OR n.unserved IS NULL)
            ORDER BY n.run DESC LIMIT 1;
        user_id := newest.user_id; run := coalesce(b.run, newest.run);
        CONTINUE WHEN users <> '{}' AND user_id <> ALL (users);
        CONTINUE WHEN coalesce(b.requested_at, newest.requested_at) < since
            OR coalesce(b.requested_at, newest.requested_at) >= until;
        CONTINUE WHEN version IS NOT NULL AND NOT EXISTS (
            SELECT FROM jsonb_array_elements(coalesce(b.readers, newest.readers)) e
            WHERE version IN (e ->> 'model', e ->> 'prompt_version'));
        CONTINUE WHEN b.import_id IS NOT NULL AND newest.state IN ('complete', 'failed') AND CASE
            WHEN partly THEN NOT lacks_chunks(b, r.which)
            WHEN r.which = '{stale}' THEN b.readers = now_reads OR b.chunks_total = 0
            ELSE false END;
        why := CASE
            WHEN newest.state NOT IN ('complete', 'failed') THEN 'running'
            WHEN b.import_id IS NULL AND newest.unserved = 'older' THEN 'outdone'
            WHEN b.import_id IS NULL AND newest.state = 'complete' THEN 'unserved'
            WHEN (coalesce(b.error, newest.error) ->> 'at_fault')::boolean THEN 'at fault'
            WHEN b.import_id IS NULL THEN 'failed'
            WHEN b.state = 'complete' AND b.unserved IS DISTINCT FROM 'smaller' AND NOT EXISTS (
                SELECT FROM lineages l WHERE l.user_id = b.user_id AND l.import_id = b.import_id) THEN 'outdone'
            WHEN b.chunked_at IS NULL AND r.stage <> 'chunks' AND r.which <> '{missing}' THEN 'unread'
            WHEN r.stage = 'memory' AND b.chunks_ok + b.chunks_dead < b.chunks_total THEN 'unread'
        END;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Where an import stands among all, in percent: the same for each plan.
CREATE FUNCTION public.sampled_at(p_import_id uuid) RETURNS double precision
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (('x' || left(md5(p_import_id::text), 15))::bit(60)::bigint % 1000000) / 10000.0::double precision
$$;

-- True of a run that has missing chunks, or dead ones, or one of both, as it is asked for.
CREATE FUNCTION public.lacks_chunks(b public.imports, which text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT 'missing' = ANY (which) AND coalesce(b.chunks_ok + b.chunks_dead < b.chunks_total, true)
        OR b.chunks_dead > 0 AND EXISTS (
            SELECT FROM chunk_results c
            WHERE c.import_id = b.import_id AND c.run = b.run AND fate_of(c) = ANY (which))
$$;

-- The same, without what the sample leaves out, in an order that is the same for each plan.
CREATE FUNCTION public.choose_imports(
    r public.replays, OUT import_id uuid, OUT user_id uuid, OUT run integer, OUT why text) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH seen AS MATERIALIZED (SELECT * FROM weigh_imports(r))
    (SELECT s.import_id, s.user_id, s.run, s.why FROM seen s WHERE s.why IS NULL
     ORDER BY sampled_at(s.import_id), s.import_id
     LIMIT CASE WHEN r.selection ->> 'sample' NOT LIKE '%\%' THEN (r.selection ->> 'sample')::integer END)
    UNION ALL
    SELECT s.import_id, s.user_id, s.run, s.why FROM seen s WHERE s.why IS NOT NULL
$$;

-- How many imports a replay's selection would choose now.
CREATE FUNCTION public.count_selected(r public.replays) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(*) FROM choose_imports(r) c WHERE c.why IS NULL
$$;

-- Plans a replay: {replay_id, stage, which, selection, pipeline, model, prompt_version, by, ...}. Answers it as read_replay
-- does; where there is nothing to do again no plan is kept, and its id is null. A plan that is there is answered as
-- it was made.
CREATE FUNCTION public.plan_replay(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    a record;
    r replays;
    c record;
    planned integer := 0;
    left_out jsonb := '{}';
    strangers integer;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        replay_id uuid, stage text, which text[], selection jsonb, pipeline text, model text, prompt_version text);
    IF EXISTS (SELECT FROM replays o WHERE o.id = a.replay_id) THEN
        RETURN tell_replay(a.replay_id);
    END IF;
    INSERT INTO replays (id, stage, which, selection, pipeline, model, prompt_version, planned_by)
    VALUES (a.replay_id, a.stage, a.which, a.selection, a.pipeline, a.model, a.prompt_version, argument ->> 'by')
    RETURNING * INTO r;
    FOR c IN SELECT * FROM choose_imports(r) LOOP
        IF c.why IS NULL THEN
            planned := planned + 1;
            INSERT INTO replay_items (replay_id, position, import_id, user_id, base_run)
            VALUES (r.id, planned, c.import_id, c.user_id, c.run);
        ELSE
            left_out := jsonb_set(left_out, ARRAY[c.why], to_jsonb(coalesce((left_out ->> c.why)::integer, 0) + 1));
        END IF;
    END LOOP;
    SELECT count(*) INTO strangers FROM jsonb_array_elements_text(coalesce(nullif(a.selection -> 'users', 'null'), '[]')) u
        WHERE NOT EXISTS (SELECT FROM imports n WHERE n.user_id = u::uuid);
    IF strangers > 0 THEN
        left_out := left_out || jsonb_build_object('no imports', strangers);
    END IF;
    r.figures := jsonb_build_object('imports', planned, 'left_out', left_out);
    IF planned = 0 THEN
        DELETE FROM replays o WHERE o.id = r.id;
        RETURN to_jsonb(r) || jsonb_build_object('id', NULL, 'items', '{}'::jsonb);
    END IF;
    UPDATE replays o SET figures = r.figures WHERE o.id = r.id;
    RETURN tell_replay(r.id);
END
$$;

-- A replay, with how many of its imports are in which state; null if there is none.
CREATE FUNCTION public.tell_replay(p_id uuid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(r) - 'ordinal' || jsonb_build_object('items', (
        SELECT coalesce(jsonb_object_agg(s.state, s.imports), '{}') FROM (
            SELECT i.state, count(*) AS imports FROM replay_items i WHERE i.replay_id = r.id GROUP BY i.state) s))
    FROM replays r WHERE r.id = p_id
$$;

-- {replay_id}: a replay; null if there is none.
CREATE FUNCTION public.read_replay(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT tell_replay((argument ->> 'replay_id')::uuid)
$$;

-- {limit}: replays, newest first.
CREATE FUNCTION public.list_replays(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(tell_replay(r.id) ORDER BY r.ordinal DESC), '[]') FROM (
        SELECT o.id, o.ordinal FROM replays o ORDER BY o.ordinal DESC LIMIT (argument ->> 'limit')::integer) r
$$;

-- {replay_id, states?, after?, limit}: imports of a replay in their order, those after a position, in these states.
CREATE FUNCTION public.list_replay_items(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(to_jsonb(t) - 'replay_id' ORDER BY t.position), '[]') FROM (
        SELECT * FROM replay_items i
        WHERE i.replay_id = (argument ->> 'replay_id')::uuid AND i.position > coalesce((argument ->> 'after')::integer, -1)
          AND (nullif(argument -> 'states', 'null') IS NULL OR argument -> 'states' ? i.state)
        ORDER BY i.position LIMIT (argument ->> 'limit')::integer) t
$$;

REVOKE ALL ON FUNCTION
    public.weigh_imports(public.replays), public.sampled_at(uuid), public.lacks_chunks(public.imports, text[]),
    public.choose_imports(public.replays), public.count_selected(public.replays), public.plan_replay(jsonb),
    public.tell_replay(uuid), public.read_replay(jsonb), public.list_replays(jsonb), public.list_replay_items(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.weigh_imports(public.replays), public.sampled_at(uuid), public.lacks_chunks(public.imports, text[]),
    public.choose_imports(public.replays), public.count_selected(public.replays), public.plan_replay(jsonb),
    public.tell_replay(uuid), public.read_replay(jsonb), public.list_replays(jsonb), public.list_replay_items(jsonb)
TO service_role;
