-- What is served: profiles, the facts and passages behind them.

-- Commits a run's memory in one durable transaction: the profile, the version it replaced, the run's end.
-- With status `failed` the profile keeps what it serves and only says that the run failed.
-- written is false, with the reason, where nothing of the profile's content changed: repeated, failed,
-- older (a newer run's memory is served), cancelled, unknown.
CREATE FUNCTION public.commit_memory(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    i imports;
    p user_profiles;
    served imports;
    refusal text;
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
    END;
    UPDATE imports SET
            state = a.status, finished_at = now(), updated_at = now(), published_at = coalesce(published_at, now()),
            progress_percent = CASE WHEN a.status = 'complete' THEN 100 ELSE progress_percent END,
            stage = a.status, error = a.error, fact_counts = coalesce(a.facts, '{}'),
            usage = coalesce(a.usage, '{}'), cost = (a.usage ->> 'cost')::double precision,
            coverage = coalesce((a.coverage ->> 'ok')::double precision
                                / nullif((a.coverage ->> 'total')::double precision, 0), 1),
            lease_owner = NULL, lease_until = NULL
        WHERE import_id = a.import_id AND run = a.run;
    IF refusal IS NULL THEN
        INSERT INTO profile_versions (user_id, import_id, run, pipeline, soul_md, identity_md, user_md,
                                      agents_md, tools_md, memory_md, soulprint_text, written_at)
        SELECT p.user_id, p.import_id, p.run, p.pipeline, p.soul_md, p.identity_md, p.user_md,
               p.agents_md, p.tools_md, p.memory_md, p.soulprint_text, p.updated_at
        WHERE coalesce(p.soul_md, p.identity_md, p.user_md, p.agents_md, p.tools_md, p.memory_md,
                       p.soulprint_text) IS NOT NULL;
        UPDATE user_profiles SET
                soul_md = a.sections ->> 'soul', identity_md = a.sections ->> 'identity',
                user_md = a.sections ->> 'user', agents_md = a.sections ->> 'agents',
                tools_md = a.sections ->> 'tools', memory_md = a.memory_md,
                soulprint_text = coalesce(a.soulprint_text, concat_ws(E'\n\n',
                    nullif(a.sections ->> 'soul', ''), nullif(a.sections ->> 'identity', ''),
                    nullif(a.sections ->> 'user', ''), nullif(a.sections ->> 'agents', ''),
                    nullif(a.sections ->> 'tools', ''))),
                import_id = a.import_id, run = a.run, pipeline = i.pipeline, updated_at = now()
            WHERE user_id = a.user_id;
    END IF;
    IF is_newest_run(i) THEN
        UPDATE user_profiles SET
                full_pass_status = a.status,
                full_pass_completed_at = CASE WHEN a.status = 'complete' THEN now() END,
                full_pass_error = a.error ->> 'message', import_stage = a.status, updated_at = now(),
                progress_percent = CASE WHEN a.status = 'complete' THEN 100 ELSE progress_percent END
            WHERE user_id = a.user_id;
    END IF;
    RETURN jsonb_build_object('written', refusal IS NULL, 'reason', refusal);
END
$$;

-- Sets the named columns of a profile, which is made if it is missing; a null clears. Others stay.
CREATE FUNCTION public.update_user_profile(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    owner uuid := (argument ->> 'user_id')::uuid;
    fields jsonb := argument -> 'fields';
    wrong text;
BEGIN
    SELECT string_agg(CASE WHEN k ~ '^[a-z_]{1,40}$' THEN k ELSE '?' END, ', ' ORDER BY k) INTO wrong
        FROM jsonb_object_keys(fields) k
        WHERE k NOT IN ('soul_md', 'identity_md', 'user_md', 'agents_md', 'tools_md', 'memory_md',
                        'soulprint_text', 'full_pass_status', 'full_pass_started_at', 'full_pass_completed_at',
                        'full_pass_error', 'progress_percent', 'import_stage');
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'not a field of a profile: %', wrong USING ERRCODE = 'SP003';
    END IF;
    INSERT INTO user_profiles (user_id) VALUES (owner) ON CONFLICT DO NOTHING;
    UPDATE user_profiles p SET
            (soul_md, identity_md, user_md, agents_md, tools_md, memory_md, soulprint_text, full_pass_status,
             full_pass_started_at, full_pass_completed_at, full_pass_error, progress_percent, import_stage,
             updated_at) = (
                SELECT n.soul_md, n.identity_md, n.user_md, n.agents_md, n.tools_md, n.memory_md,
                       n.soulprint_text, n.full_pass_status, n.full_pass_started_at, n.full_pass_completed_at,
                       n.full_pass_error, n.progress_percent, n.import_stage, now()
                FROM jsonb_populate_record(p, fields) n)
        WHERE p.user_id = owner;
    RETURN to_jsonb(true);
END
$$;

-- A user's profile; null if there is none.
CREATE FUNCTION public.read_profile(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(p) FROM user_profiles p WHERE p.user_id = (argument ->> 'user_id')::uuid
$$;

-- The words of a search as patterns, all of which must match; `%`, `_` and `\` stand for themselves.
CREATE FUNCTION public.search_patterns(search text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(array_agg('%' || regexp_replace(w, '([\\%_])', '\\\1', 'g') || '%'), '{}')
    FROM regexp_split_to_table(search, '\s+') w WHERE w <> ''
$$;

-- One fact as it is shown: with its conversation's title, the facts it absorbed and the messages of them all.
CREATE FUNCTION public.shown_fact(f public.facts) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT json_build_object(
        'id', f.fact_id, 'category', f.category, 'statement', f.statement, 'quote', f.quote,
        'message_ids', f.message_ids || ARRAY(
            SELECT k FROM facts m, unnest(m.message_ids) k
            WHERE m.import_id = f.import_id AND m.run = f.run AND m.merged_into = f.fact_id
              AND k <> ALL (f.message_ids)
            GROUP BY k ORDER BY min(m.stated_at) NULLS FIRST, k),
        'conversation_id', f.conversation_id, 'stated_at', f.stated_at,
        'valid_from', f.valid_from, 'valid_until', f.valid_until, 'confidence', f.confidence,
        'source_kind', f.source_kind, 'topic', f.topic, 'chunk_index', f.chunk_index, 'status', f.status,
        'support', f.support, 'superseded_by', f.superseded_by, 'merged_into', f.merged_into,
        'merged_ids', ARRAY(
            SELECT m.fact_id FROM facts m
            WHERE m.import_id = f.import_id AND m.run = f.run AND m.merged_into = f.fact_id ORDER BY m.fact_id),
        'conversation_title', coalesce((
            SELECT c.title FROM conversation_chunks c
            WHERE c.user_id = f.user_id AND c.conversation_id = f.conversation_id AND c.passage_index = 0), ''))
$$;

-- A page of facts of the run that the user's profile serves, or of the run that is named, as shown.
-- Order and `after` are those of read_facts; `status` is a list or null for all; `search` filters by words.
CREATE FUNCTION public.list_facts(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_user uuid := (argument ->> 'user_id')::uuid;
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_run integer := (argument ->> 'run')::integer;
    p_topic text := coalesce(argument -> 'after' ->> 0, '');
    p_stated timestamptz := coalesce((argument -> 'after' ->> 1)::timestamptz, '-infinity');
    p_fact uuid := coalesce((argument -> 'after' ->> 2)::uuid, '00000000-0000-0000-0000-000000000000');
    p_status text[] := ARRAY(SELECT jsonb_array_elements_text(nullif(argument -> 'status', 'null')));
    p_patterns text[] := search_patterns(coalesce(argument ->> 'search', ''));
    answer json;
BEGIN
    IF p_import_id IS NULL THEN
        SELECT p.import_id, p.run INTO p_import_id, p_run FROM user_profiles p WHERE p.user_id = p_user;
    END IF;
    SELECT json_agg(shown_fact(t)) INTO answer FROM (
        SELECT f.* FROM facts f
        WHERE f.import_id = p_import_id AND f.run = p_run AND f.user_id = p_user
          AND (f.topic, coalesce(f.stated_at, '-infinity'), f.fact_id) > (p_topic, p_stated, p_fact)
          AND (p_status = '{}' OR f.status = ANY (p_status))
          AND (p_patterns = '{}' OR f.statement || ' ' || f.quote ILIKE ALL (p_patterns))
        ORDER BY f.topic, coalesce(f.stated_at, '-infinity'), f.fact_id
        LIMIT (argument ->> 'limit')::integer) t;
    RETURN coalesce(answer, '[]');
END
$$;

-- The facts of the served run whose id begins with `prefix` (hexadecimal, dashes or not), ten at most.
CREATE FUNCTION public.find_fact(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    digits text := lower(replace(argument ->> 'prefix', '-', ''));
    answer json;
BEGIN
    IF digits !~ '^[0-9a-f]{1,32}$' THEN
        RETURN '[]';
    END IF;
    SELECT json_agg(shown_fact(t)) INTO answer FROM (
        SELECT f.* FROM user_profiles p
        JOIN facts f ON f.import_id = p.import_id AND f.run = p.run AND f.user_id = p.user_id
        WHERE p.user_id = (argument ->> 'user_id')::uuid
          AND f.fact_id BETWEEN rpad(digits, 32, '0')::uuid AND rpad(digits, 32, 'f')::uuid
        ORDER BY f.fact_id LIMIT 10) t;
    RETURN coalesce(answer, '[]');
END
$$;

-- All passages of one conversation, in order.
CREATE FUNCTION public.read_passages(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT c.conversation_id, c.passage_index, c.title, c.content, c.token_count, c.chunk_tier,
               c.is_recent, c.message_count, c.created_at
        FROM conversation_chunks c
        WHERE c.user_id = (argument ->> 'user_id')::uuid AND c.conversation_id = argument ->> 'conversation_id'
        ORDER BY c.passage_index) t
$$;

-- Passages that hold all words of `search` (in title or content), newest first, each with the words around
-- the first of them.
CREATE FUNCTION public.search_passages(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_patterns text[] := search_patterns(coalesce(argument ->> 'search', ''));
    p_first text := lower((regexp_match(argument ->> 'search', '\S+'))[1]);
    answer json;
BEGIN
    IF p_patterns = '{}' THEN
        RETURN '[]';
    END IF;
    SELECT json_agg(t) INTO answer FROM (
        SELECT c.conversation_id, c.passage_index, c.title, c.created_at, c.chunk_tier, c.is_recent,
               substr(c.content, greatest(1, strpos(lower(c.content), p_first) - 80), 240) AS snippet
        FROM (
            SELECT * FROM conversation_chunks m
            WHERE m.user_id = (argument ->> 'user_id')::uuid
              AND m.title || ' ' || m.content ILIKE ALL (p_patterns)
            ORDER BY m.created_at DESC NULLS LAST, m.conversation_id, m.passage_index
            LIMIT (argument ->> 'limit')::integer
        ) c
        ORDER BY c.created_at DESC NULLS LAST, c.conversation_id, c.passage_index) t;
    RETURN coalesce(answer, '[]');
END
$$;
