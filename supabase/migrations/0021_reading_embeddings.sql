-- What is told of embeddings, and search by them.

-- Which of a user's passages without an embedding are not refused; the number of these, and of all passages.
CREATE FUNCTION public.embedding_counts(p_user uuid, OUT passages bigint, OUT lacking bigint, OUT refused bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT count(*) INTO passages FROM conversation_chunks c WHERE c.user_id = p_user;
    lacking := passages;
    refused := 0;
    IF EXISTS (SELECT FROM embedding_type()) THEN
        EXECUTE 'SELECT count(*) FROM conversation_chunks c WHERE c.user_id = $1 AND c.embedding IS NULL'
            INTO lacking USING p_user;
        EXECUTE 'SELECT count(*) FROM embedding_claims e JOIN conversation_chunks c ON c.id = e.passage_id
                 WHERE e.user_id = $1 AND e.refused IS NOT NULL AND c.embedding IS NULL'
            INTO refused USING p_user;
    END IF;
END
$$;

-- Says in a user's profile how far their embeddings are, and what they cost, where the user's newest run shows itself
-- in the app's format. Answers how many passages there are, lack one, and of these are refused.
CREATE FUNCTION public.tell_embeddings(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    whose uuid := (argument ->> 'user_id')::uuid;
    counts record;
    newest imports;
    done boolean;
    says text;
    percent integer;
BEGIN
    SELECT * INTO counts FROM embedding_counts(whose);
    SELECT * INTO newest FROM imports i
        WHERE i.user_id = whose AND i.kind = 'primary' AND i.state <> 'cancelled' AND NOT is_silent(i)
        ORDER BY i.requested_at DESC, i.ordinal DESC LIMIT 1;
    IF newest.profile_format = 'app' THEN
        -- Passages come in while the export is read: what is embedded then is not all.
        done := counts.lacking = counts.refused AND newest.state NOT IN ('received', 'chunking');
        says := CASE WHEN done THEN 'complete' ELSE 'processing' END;
        percent := CASE WHEN done THEN 100 ELSE least(99,
            100 * (counts.passages - counts.lacking + counts.refused) / greatest(1, counts.passages)) END;
        UPDATE user_profiles p SET embedding_status = says, embedding_progress = percent
            WHERE p.user_id = whose
              AND (p.embedding_status, p.embedding_progress) IS DISTINCT FROM (says, percent);
        INSERT INTO embedding_turns AS t (user_id, told) VALUES (whose, NOT done)
            ON CONFLICT (user_id) DO UPDATE SET told = excluded.told WHERE t.told <> excluded.told;
        PERFORM tell_embedding_cost(newest);
    END IF;
    RETURN to_jsonb(counts);
END
$$;

-- Writes what a run's embeddings cost beside what its models cost, once that stands there for the app's cost page.
CREATE FUNCTION public.tell_embedding_cost(i public.imports) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    spent record;
    shown jsonb;
BEGIN
    SELECT sum(u.calls) AS calls, sum(u.input_tokens) AS tokens, coalesce(sum(u.cost), 0) AS cost INTO spent
        FROM embedding_usage u WHERE u.user_id = i.user_id AND u.import_id = i.import_id AND u.run = i.run;
    IF spent.calls IS NULL OR i.state <> 'complete' THEN
        RETURN;
    END IF;
    SELECT p.import_cost_json INTO shown FROM user_profiles p WHERE p.user_id = i.user_id FOR UPDATE;
    IF jsonb_typeof(shown) = 'object' AND jsonb_typeof(shown -> 'llm_cost_usd') = 'number' THEN
        UPDATE user_profiles p SET import_cost_json = (shown || jsonb_build_object(
                'embedding_cost_usd', spent.cost, 'embedding_call_count', spent.calls,
                'embedding_input_tokens', spent.tokens,
                'total_cost_usd', (shown ->> 'llm_cost_usd')::numeric + spent.cost::numeric))::text
            WHERE p.user_id = i.user_id;
    END IF;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    NULL;  -- persons may write to their profile: what is no JSON, or none that jsonb takes, is theirs
END
$$;

-- The users whose profile says that passages are being embedded.
CREATE FUNCTION public.embedding_users(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t.user_id), '[]')
    FROM (SELECT user_id FROM embedding_turns WHERE told ORDER BY user_id
          LIMIT (argument ->> 'limit')::integer) t
$$;

-- {total}: how many passages lack an embedding, and of these are refused, of all users; if `total`, how many there are
-- (else null), and which models gave embeddings.
CREATE FUNCTION public.count_embeddings(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    passages bigint;
    lacking bigint;
    refused bigint := 0;
BEGIN
    IF (argument ->> 'total')::boolean OR NOT EXISTS (SELECT FROM embedding_type()) THEN
        SELECT count(*) INTO passages FROM conversation_chunks;
    END IF;
    lacking := passages;
    IF EXISTS (SELECT FROM embedding_type()) THEN
        EXECUTE 'SELECT count(*) FROM conversation_chunks c WHERE c.embedding IS NULL' INTO lacking;
        EXECUTE 'SELECT count(*) FROM embedding_claims e JOIN conversation_chunks c ON c.id = e.passage_id
                 WHERE e.refused IS NOT NULL AND c.embedding IS NULL' INTO refused;
    END IF;
    RETURN jsonb_build_object('passages', passages, 'lacking', lacking, 'refused', refused, 'models', (
        SELECT coalesce(jsonb_agg(DISTINCT u.model), '[]') FROM embedding_usage u WHERE u.passages > 0));
END
$$;

-- {user_id, embedding, limit}: a user's passages by how near their embeddings are to this one, the nearest first.
-- The search is exact: one of 100,000 passages takes a third of a second.
CREATE FUNCTION public.search_embeddings(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    kind record;
    answer json;
BEGIN
    SELECT * INTO kind FROM embedding_type();
    IF kind.written IS NULL THEN
        RETURN '[]';
    END IF;
    EXECUTE format($q$
        SELECT json_agg(t) FROM (
            SELECT n.conversation_id, n.passage_index, n.title, nullif(n.created_at, 'epoch') AS created_at,
                   n.chunk_tier, n.is_recent, substr(n.content, 1, 240) AS snippet, false AS has_words,
                   1 - n.distance AS similarity
            FROM (
                SELECT c.*, c.embedding %s $1::%s AS distance FROM conversation_chunks c
                WHERE c.user_id = $2 AND c.embedding IS NOT NULL AND c.passage_index IS NOT NULL
                ORDER BY distance, c.created_at DESC, c.id LIMIT $3) n
            WHERE n.distance <> 'NaN' ORDER BY n.distance, n.created_at DESC, n.id) t
        $q$, kind.distance, kind.written)
        INTO answer USING argument ->> 'embedding', (argument ->> 'user_id')::uuid, (argument ->> 'limit')::integer;
    RETURN coalesce(answer, '[]');
END
$$;

-- {user_id?, limit}: what the embeddings of users cost, the dearest first.
CREATE FUNCTION public.read_embedding_usage(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT u.user_id, sum(u.passages)::bigint AS passages, sum(u.calls)::bigint AS calls,
               least(sum(u.input_tokens), 9007199254740991)::bigint AS input_tokens,
               CASE WHEN bool_or(u.cost IS NULL) THEN NULL ELSE sum(u.cost) END AS cost
        FROM embedding_usage u
        WHERE nullif(argument -> 'user_id', 'null') IS NULL OR u.user_id = (argument ->> 'user_id')::uuid
        GROUP BY u.user_id ORDER BY cost DESC NULLS FIRST, calls DESC, u.user_id
        LIMIT (argument ->> 'limit')::integer) t
$$;

REVOKE ALL ON FUNCTION
    public.embedding_counts(uuid), public.tell_embeddings(jsonb), public.tell_embedding_cost(public.imports),
    public.embedding_users(jsonb), public.count_embeddings(jsonb), public.search_embeddings(jsonb),
    public.read_embedding_usage(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.embedding_counts(uuid), public.tell_embeddings(jsonb), public.tell_embedding_cost(public.imports),
    public.embedding_users(jsonb), public.count_embeddings(jsonb), public.search_embeddings(jsonb),
    public.read_embedding_usage(jsonb)
TO service_role;
