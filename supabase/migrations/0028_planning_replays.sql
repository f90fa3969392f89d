-- Planning a replay: which imports it does again, from which run of each, and what that will take. Nothing runs yet.

-- True of the run of a replay of missing or dead chunks that has read them, and failed for those that it was not to
-- read: what it has is its base's, and more.
CREATE FUNCTION public.mended_partly(n public.imports) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT n.state = 'failed' AND n.chunks_ok + n.chunks_dead = n.chunks_total AND EXISTS (
        SELECT FROM replays r WHERE r.id = n.replay_id AND r.which <@ ARRAY['missing', 'dead'])
$$;

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
        -- the newest that ended, and is no replay that came to nothing: what begin_replay_run takes
        SELECT * INTO b FROM imports n
            WHERE n.import_id = newest.import_id AND n.kind = 'primary' AND n.pipeline <> 'v1'
              AND (n.state = 'complete' OR n.state = 'failed' AND partly) AND (NOT is_silent(n) OR mended_partly(n))
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
            WHEN EXISTS (SELECT FROM imports n WHERE n.import_id = newest.import_id AND n.kind = 'primary'
                         AND n.state NOT IN ('complete', 'failed', 'cancelled')) THEN 'running'
            WHEN b.import_id IS NULL AND newest.unserved = 'older' THEN 'outdone'
            WHEN b.import_id IS NULL AND newest.state = 'complete' THEN 'unserved'
            -- a replay may have failed since its source was away, which is no end
            WHEN (CASE WHEN b.import_id IS NULL THEN newest.error
                       WHEN b.replay_id IS NULL THEN b.error END ->> 'at_fault')::boolean THEN 'at fault'
            WHEN b.import_id IS NULL THEN 'failed'
            WHEN b.state = 'complete' AND b.unserved IS DISTINCT FROM 'smaller' AND NOT EXISTS (
                SELECT FROM lineages l WHERE l.user_id = b.user_id AND l.import_id = b.import_id) THEN 'outdone'
            WHEN b.chunked_at IS NULL AND r.stage <> 'chunks' AND 'missing' <> ALL (r.which) THEN 'unread'
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

-- How a replay's run of this base is reckoned: what reading chunks takes, and what writing the memory does. Tokens and
-- dollars of a chunk that the same model read before are what it took then; of others the output is what another model
-- gave, or all is as `rates` say:
--   {call: Usage, token: [in, out], price: {kind: dollars}?, writing: [[facts, Usage], ...],
--    excerpts: [in for each token of the chunks, at most]}; null: nothing costs
-- `variant`: how chunks would be cut now; where they were cut in another way none is known, and their number is as
-- their size tells. What has no result yet is as the run's other chunks are on average.
CREATE FUNCTION public.reckon_run(
    r public.replays, b public.imports, rates jsonb, variant text, writing_version text,
    OUT chunks integer, OUT cached integer, OUT calls integer, OUT input_tokens bigint, OUT output_tokens bigint,
    OUT cost double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    partly CONSTANT boolean := r.which <@ ARRAY['missing', 'dead'];
    -- one of the models that read the base: which of them read a chunk is not known
    own CONSTANT boolean := jsonb_array_length(b.readers) = 1 AND b.readers -> 0 ->> 'model' = r.model;
    was CONSTANT jsonb := nullif(b.variant, '');
    recut CONSTANT double precision := CASE
        WHEN r.stage = 'chunks' AND NOT partly AND (was -> 'chunk_tokens' <> variant::jsonb -> 'chunk_tokens'
                                                    OR was -> 'context_chars' <> variant::jsonb -> 'context_chars')
        THEN coalesce((was ->> 'chunk_tokens')::double precision
                      / nullif((variant::jsonb ->> 'chunk_tokens')::double precision, 0), 1) END;
    versions text[];
    absent integer := 0;
    t record;
    w jsonb;
    took double precision[];
    writing double precision[] := '{0,0,0,0,0}';
    weight double precision;
BEGIN
    chunks := 0; cached := 0;
    took := '{0,0,0,0,0}';
    IF r.stage <> 'memory' THEN
        versions := ARRAY(
            SELECT DISTINCT e ->> 'prompt_version' FROM imports o, jsonb_array_elements(o.readers) e
            WHERE o.import_id = b.import_id AND e ->> 'model' = r.model);
        -- OFFSET 0 keeps each probe of the cache a probe.
        SELECT count(*) FILTER (WHERE e.asked) AS chunks, count(*) FILTER (WHERE e.asked AND e.hit) AS cached,
               count(*) AS known, count(*) FILTER (WHERE e.void) AS void,
               coalesce(sum(e.calls) FILTER (WHERE e.pays), 0) AS calls,
               coalesce(sum(e.fresh) FILTER (WHERE e.pays), 0) AS fresh,
               coalesce(sum(e.out) FILTER (WHERE e.pays), 0) AS out,
               coalesce(sum(e.read) FILTER (WHERE e.pays), 0) AS read,
               coalesce(sum(e.written) FILTER (WHERE e.pays), 0) AS written,
               coalesce(avg(e.calls), 0) AS each_calls, coalesce(avg(e.fresh), 0) AS each_fresh,
               coalesce(avg(e.out), 0) AS each_out, coalesce(avg(e.read), 0) AS each_read,
               coalesce(avg(e.written), 0) AS each_written
        INTO t
        FROM (
            SELECT d.*, d.asked AND NOT d.hit AS pays,
                   CASE WHEN d.void OR d.silent THEN 0
                        ELSE coalesce((d.u ->> 'calls')::double precision, 1) END AS calls,
                   CASE WHEN d.void OR d.silent THEN 0 ELSE coalesce(
                       (d.u ->> 'input_tokens')::double precision,
                       CASE WHEN d.other_in IS NOT NULL THEN greatest(
                           d.other_in - coalesce((rates -> 'call' ->> 'cache_read_tokens')::double precision, 0), 0) END,
                       (rates -> 'call' ->> 'input_tokens')::double precision
                       + (rates -> 'token' ->> 0)::double precision * d.tokens, 0) END AS fresh,
                   CASE WHEN d.void OR d.silent THEN 0 ELSE coalesce(
                       (d.u ->> 'output_tokens')::double precision, d.other_out,
                       (rates -> 'call' ->> 'output_tokens')::double precision
                       + (rates -> 'token' ->> 1)::double precision * d.tokens, 0) END AS out,
                   CASE WHEN d.void OR d.silent THEN 0 ELSE coalesce(
                       (coalesce(d.u, rates -> 'call') ->> 'cache_read_tokens')::double precision, 0) END AS read,
                   CASE WHEN d.void OR d.silent THEN 0
                        ELSE coalesce((d.u ->> 'cache_write_tokens')::double precision, 0) END AS written
            FROM (
                SELECT fate_of(c) = 'missing' AS void, NOT partly OR fate_of(c) = ANY (r.which) AS asked,
                       c.tokens = 0 AND coalesce((c.usage ->> 'calls')::integer, 0) = 0 AS silent, c.tokens,
                       recut IS NULL AND EXISTS (
                           SELECT FROM extraction_cache x
                           WHERE x.user_id = c.user_id AND x.model = r.model AND x.prompt_version = r.prompt_version
                             AND x.content_hash = c.content_hash OFFSET 0) AS hit,
                       CASE WHEN (c.usage ->> 'calls')::integer = 1 AND c.status = 'ok' AND NOT own
                            THEN (c.usage ->> 'output_tokens')::double precision END AS other_out,
                       -- a prompt as another model read it, cached parts and all
                       CASE WHEN (c.usage ->> 'calls')::integer = 1 AND c.status = 'ok' AND NOT own
                            THEN (c.usage ->> 'input_tokens')::double precision
                                 + coalesce((c.usage ->> 'cache_read_tokens')::double precision, 0)
                                 + coalesce((c.usage ->> 'cache_write_tokens')::double precision, 0) END AS other_in,
                       CASE WHEN recut IS NOT NULL THEN NULL
                            WHEN own AND c.status = 'ok' AND (c.usage ->> 'calls')::integer > 0 THEN c.usage
                            ELSE (SELECT x.usage FROM extraction_cache x
                                  WHERE x.user_id = c.user_id AND x.model = r.model
                                    AND x.prompt_version = ANY (versions) AND x.content_hash = c.content_hash
                                    AND (x.usage ->> 'calls')::integer > 0
                                  ORDER BY x.created_at DESC LIMIT 1) END AS u
                FROM chunk_results c WHERE c.import_id = b.import_id AND c.run = b.run OFFSET 0) d) e;
        took := ARRAY[t.calls, t.fresh, t.out, t.read, t.written];
        chunks := t.chunks; cached := t.cached;
        IF NOT partly OR 'missing' = ANY (r.which) THEN
            absent := greatest(coalesce(b.chunks_total, 0) - t.known, 0);
            chunks := chunks + absent; absent := absent + t.void;
        END IF;
        IF absent > 0 THEN
            weight := absent * t.known / greatest(t.known - t.void, 1)::double precision;  -- void ones count as 0
            took := CASE WHEN t.known > t.void THEN ARRAY[
                t.calls + weight * t.each_calls, t.fresh + weight * t.each_fresh, t.out + weight * t.each_out,
                t.read + weight * t.each_read, t.written + weight * t.each_written]
            ELSE ARRAY[
                absent,
                absent * ((rates -> 'call' ->> 'input_tokens')::double precision + (rates -> 'token' ->> 0)::double precision
                          * coalesce((variant::jsonb ->> 'chunk_tokens')::double precision, 0)),
                absent * ((rates -> 'call' ->> 'output_tokens')::double precision + (rates -> 'token' ->> 1)::double precision
                          * coalesce((variant::jsonb ->> 'chunk_tokens')::double precision, 0)),
                absent * (rates -> 'call' ->> 'cache_read_tokens')::double precision, 0] END;
        END IF;
        IF recut IS NOT NULL THEN  -- as many tokens, in more calls or in fewer
            took := ARRAY[
                took[1] * recut, took[2] + took[1] * (recut - 1) * (rates -> 'call' ->> 'input_tokens')::double precision,
                took[3] + took[1] * (recut - 1) * (rates -> 'call' ->> 'output_tokens')::double precision,
                took[4] * recut, took[5]];
            chunks := ceil(chunks * recut);
        END IF;
    END IF;
    IF nullif(rates, 'null') IS NULL THEN
        calls := 0; input_tokens := 0; output_tokens := 0; cost := 0;
        RETURN;
    END IF;
    IF NOT (cached = chunks AND (r.stage = 'memory' OR NOT partly AND b.readers = jsonb_build_array(
                jsonb_build_object('model', r.model, 'prompt_version', r.prompt_version)))
            AND writing_is_kept(b, r.model, writing_version)) THEN
        writing := reckon_writing(r, b, rates);
    END IF;
    took := ARRAY(SELECT coalesce(x, 0) + coalesce(y, 0) FROM unnest(took, writing) WITH ORDINALITY AS z(x, y, n) ORDER BY n);
    calls := round(took[1]); input_tokens := round(took[2] + took[4] + took[5]); output_tokens := round(took[3]);
    cost := CASE
        WHEN calls = 0 THEN 0
        ELSE took[2] * (rates -> 'price' ->> 'input_tokens')::double precision
             + took[3] * (rates -> 'price' ->> 'output_tokens')::double precision
             + took[4] * (rates -> 'price' ->> 'cache_read_tokens')::double precision
             + took[5] * (rates -> 'price' ->> 'cache_write_tokens')::double precision END;
END
$$;

-- What writing a base's memory anew takes: calls, and tokens that are fresh, out, read from and written to the prompt
-- cache. As a run of the import took it before, at the same model or else at another, else as `rates` say of so many
-- facts.
CREATE FUNCTION public.reckon_writing(r public.replays, b public.imports, rates jsonb) RETURNS double precision[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    facts CONSTANT double precision := coalesce(
        (b.fact_counts ->> 'kept')::double precision,
        b.facts_extracted * coalesce(b.chunks_total / nullif(b.chunks_ok, 0)::double precision, 1));
    o imports;
    took double precision[];
BEGIN
    FOR o IN
        SELECT * FROM imports n
        WHERE n.import_id = b.import_id AND n.kind = 'primary' AND n.state = 'complete' AND n.usage <> '{}'
        -- another model's tokens are closer than a forecast that knows nothing of this person
        ORDER BY n.readers @> jsonb_build_array(jsonb_build_object('model', r.model)) DESC, n.run DESC LIMIT 8
    LOOP
        SELECT ARRAY[
            (o.usage ->> 'calls')::double precision - coalesce(sum((c.usage ->> 'calls')::double precision), 0),
            (o.usage ->> 'input_tokens')::double precision
                - coalesce(sum((c.usage ->> 'input_tokens')::double precision), 0),
            (o.usage ->> 'output_tokens')::double precision
                - coalesce(sum((c.usage ->> 'output_tokens')::double precision), 0),
            (o.usage ->> 'cache_read_tokens')::double precision
                - coalesce(sum((c.usage ->> 'cache_read_tokens')::double precision), 0),
            (o.usage ->> 'cache_write_tokens')::double precision
                - coalesce(sum((c.usage ->> 'cache_write_tokens')::double precision), 0)]
        INTO took FROM chunk_results c WHERE c.import_id = o.import_id AND c.run = o.run;
        IF took[1] > 0 THEN
            RETURN ARRAY(SELECT greatest(x, 0) FROM unnest(took) x);
        END IF;
    END LOOP;
    RETURN (
        SELECT ARRAY(
            SELECT low.v + (coalesce(high.v, low.v) - low.v) * p.place
                   + CASE k.name WHEN 'input_tokens' THEN coalesce(least(
                         (rates -> 'excerpts' ->> 0)::double precision * (
                             SELECT sum(c.tokens) FROM chunk_results c
                             WHERE c.import_id = b.import_id AND c.run = b.run),
                         (rates -> 'excerpts' ->> 1)::double precision), 0) ELSE 0 END
            FROM unnest(ARRAY['calls', 'input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens'])
                     WITH ORDINALITY AS k(name, n)
            CROSS JOIN LATERAL (SELECT (p.low -> 1 ->> k.name)::double precision AS v) low
            CROSS JOIN LATERAL (SELECT (p.high -> 1 ->> k.name)::double precision AS v) high
            ORDER BY k.n)
        FROM (
            SELECT q.low, q.high, coalesce((facts - (q.low ->> 0)::double precision)
                       / nullif((q.high ->> 0)::double precision - (q.low ->> 0)::double precision, 0), 0) AS place
            FROM (
                SELECT (array_agg(e ORDER BY n DESC) FILTER (WHERE (e ->> 0)::double precision <= facts))[1] AS low,
                       (array_agg(e ORDER BY n) FILTER (WHERE (e ->> 0)::double precision > facts))[1] AS high
                FROM jsonb_array_elements(rates -> 'writing') WITH ORDINALITY AS x(e, n)) q) p);
END
$$;

-- Seconds that so many imports take of which so many chunks are to be read, and so many more are in the cache, at the
-- pace of what ended of late at this model; null where nothing did.
CREATE FUNCTION public.seconds_at_pace(p_model text, p_imports integer, to_read integer, p_cached integer)
RETURNS double precision
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH late AS MATERIALIZED (
        SELECT n.begun_at, n.extracted_at, n.finished_at, n.chunks_cached,
               n.chunks_ok + n.chunks_dead - n.chunks_cached AS read
        FROM (SELECT * FROM imports o ORDER BY o.ordinal DESC LIMIT 500) n
        WHERE n.kind = 'primary' AND n.state = 'complete' AND n.extracted_at > n.begun_at
          AND n.finished_at >= n.extracted_at AND n.readers @> jsonb_build_array(jsonb_build_object('model', p_model))
    ), busy AS MATERIALIZED (
        -- of many at a time each minute counts once
        SELECT extract(epoch FROM sum(upper(t) - lower(t)))::double precision AS seconds
        FROM (SELECT unnest(range_agg(tstzrange(l.begun_at, l.extracted_at))) AS t FROM late l) u
    )
    SELECT CASE WHEN p_imports = 0 THEN 0 ELSE
        coalesce(to_read * b.seconds / nullif(s.read, 0), to_read * b.seconds / nullif(s.all_chunks, 0), 0)
        + coalesce(p_cached * b.seconds / nullif(s.all_chunks, 0), 0) / CASE WHEN s.read > 0 THEN 10 ELSE 1 END
        + p_imports * s.after / 2 END
    FROM busy b, (
        SELECT sum(l.read) AS read, sum(l.read + l.chunks_cached) AS all_chunks,
               extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (
                   ORDER BY l.finished_at - l.extracted_at))::double precision AS after
        FROM late l) s
    WHERE b.seconds > 0
$$;

-- Plans a replay: {replay_id, stage, which, selection, pipeline, model, prompt_version, by, rates, variant,
-- writing_version}. Answers it as read_replay does; where there is nothing to do again no plan is kept, and its id is
-- null. A plan that is there is answered as it was made.
CREATE FUNCTION public.plan_replay(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    a record;
    r replays;
    b imports;
    c record;
    t record;
    planned integer := 0;
    unread integer := 0;
    left_out jsonb := '{}';
    strangers integer;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        replay_id uuid, stage text, which text[], selection jsonb, pipeline text, model text, prompt_version text,
        rates jsonb, variant text, writing_version text);
    IF EXISTS (SELECT FROM replays o WHERE o.id = a.replay_id) THEN
        RETURN tell_replay(a.replay_id);
    END IF;
    INSERT INTO replays (id, stage, which, selection, pipeline, model, prompt_version, planned_by)
    VALUES (a.replay_id, a.stage, a.which, a.selection, a.pipeline, a.model, a.prompt_version, argument ->> 'by')
    RETURNING * INTO r;
    FOR c IN SELECT * FROM choose_imports(r) LOOP
        IF c.why IS NOT NULL THEN
            left_out := jsonb_set(left_out, ARRAY[c.why], to_jsonb(coalesce((left_out ->> c.why)::integer, 0) + 1));
            CONTINUE;
        END IF;
        planned := planned + 1;
        SELECT * INTO b FROM imports n WHERE n.import_id = c.import_id AND n.run = c.run;
        unread := unread + (b.chunks_total IS NULL)::integer;
        INSERT INTO replay_items (replay_id, position, import_id, user_id, base_run, chunks, cached, calls,
                                  input_tokens, output_tokens, cost)
        SELECT r.id, planned, c.import_id, c.user_id, c.run, k.*
        FROM reckon_run(r, b, nullif(a.rates, 'null'), a.variant, a.writing_version) k;
    END LOOP;
    SELECT count(*) INTO strangers
        FROM jsonb_array_elements_text(coalesce(nullif(a.selection -> 'users', 'null'), '[]')) u
        WHERE NOT EXISTS (SELECT FROM imports n WHERE n.user_id = u::uuid);
    IF strangers > 0 THEN
        left_out := left_out || jsonb_build_object('no imports', strangers);
    END IF;
    SELECT coalesce(sum(i.chunks), 0) AS chunks, coalesce(sum(i.cached), 0) AS cached,
           coalesce(sum(i.calls), 0) AS calls, coalesce(sum(i.input_tokens), 0) AS input_tokens,
           coalesce(sum(i.output_tokens), 0) AS output_tokens,
           CASE WHEN bool_or(i.cost IS NULL) THEN NULL ELSE coalesce(sum(i.cost), 0) END AS dollars
        INTO t FROM replay_items i WHERE i.replay_id = r.id;
    r.figures := jsonb_build_object(
        'imports', planned, 'chunks', t.chunks, 'cached', t.cached, 'calls', t.calls, 'input_tokens', t.input_tokens,
        'output_tokens', t.output_tokens, 'dollars', t.dollars,
        'seconds', seconds_at_pace(a.model, planned, (t.chunks - t.cached)::integer, t.cached::integer),
        'unread', unread, 'left_out', left_out);
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

-- {replay_id, states?, after?, limit}: imports of a replay in their order, those after a position, in these states; each
-- with the source of its base, null once that is not there any more.
CREATE FUNCTION public.list_replay_items(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(to_jsonb(t) - 'replay_id' || jsonb_build_object('source', (
        SELECT b.source FROM imports b WHERE b.import_id = t.import_id AND b.run = t.base_run)) ORDER BY t.position), '[]')
    FROM (
        SELECT * FROM replay_items i
        WHERE i.replay_id = (argument ->> 'replay_id')::uuid AND i.position > coalesce((argument ->> 'after')::integer, -1)
          AND (nullif(argument -> 'states', 'null') IS NULL OR argument -> 'states' ? i.state)
        ORDER BY i.position LIMIT (argument ->> 'limit')::integer) t
$$;

REVOKE ALL ON FUNCTION
    public.mended_partly(public.imports), public.weigh_imports(public.replays), public.sampled_at(uuid),
    public.lacks_chunks(public.imports, text[]),
    public.choose_imports(public.replays), public.count_selected(public.replays),
    public.reckon_run(public.replays, public.imports, jsonb, text, text),
    public.reckon_writing(public.replays, public.imports, jsonb),
    public.seconds_at_pace(text, integer, integer, integer), public.plan_replay(jsonb),
    public.tell_replay(uuid), public.read_replay(jsonb), public.list_replays(jsonb), public.list_replay_items(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.mended_partly(public.imports), public.weigh_imports(public.replays), public.sampled_at(uuid),
    public.lacks_chunks(public.imports, text[]),
    public.choose_imports(public.replays), public.count_selected(public.replays),
    public.reckon_run(public.replays, public.imports, jsonb, text, text),
    public.reckon_writing(public.replays, public.imports, jsonb),
    public.seconds_at_pace(text, integer, integer, integer), public.plan_replay(jsonb),
    public.tell_replay(uuid), public.read_replay(jsonb), public.list_replays(jsonb), public.list_replay_items(jsonb)
TO service_role;
