-- Embeddings of passages: their column, who embeds which, and what it cost. Their column is the app's, or is made
-- by prepare_embeddings where a server for them is configured: this file needs no pgvector, and its functions find
-- the column, and the schema of its type, when they are called.

-- Passages without an embedding that are not to be given out: to `owner` until then, or, where they were `refused`,
-- at all until then, unless their content or the model is another.
CREATE TABLE public.embedding_claims (
    passage_id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    owner text,
    until timestamptz NOT NULL,
    content_hash text NOT NULL,
    model text NOT NULL,
    refused text,
    refusals integer NOT NULL DEFAULT 0
);
CREATE INDEX embedding_claims_of_user ON public.embedding_claims (user_id);
CREATE INDEX embedding_claims_of_owner ON public.embedding_claims (owner) WHERE owner IS NOT NULL;

-- When each user's passages were last given out, so that users take turns; `told`: the profile says processing.
CREATE TABLE public.embedding_turns (
    user_id uuid PRIMARY KEY,
    turn_at timestamptz NOT NULL DEFAULT 'epoch',
    told boolean NOT NULL DEFAULT false
);
CREATE INDEX embedding_turns_told ON public.embedding_turns (user_id) WHERE told;

-- What a user's embeddings cost, by model, and by the run that was their newest then. A cost is null where a price
-- is.
CREATE TABLE public.embedding_usage (
    user_id uuid NOT NULL,
    import_id uuid NOT NULL,
    run integer NOT NULL,
    model text NOT NULL,
    passages bigint NOT NULL DEFAULT 0,
    calls bigint NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    cost double precision DEFAULT 0,
    PRIMARY KEY (user_id, import_id, run, model)
);

ALTER TABLE public.embedding_claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.embedding_turns ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.embedding_usage ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.embedding_claims, public.embedding_turns, public.embedding_usage
    FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    public.embedding_claims, public.embedding_turns, public.embedding_usage TO service_role;
GRANT SELECT ON public.embedding_usage TO authenticated;
CREATE POLICY services ON public.embedding_claims TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.embedding_turns TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.embedding_usage TO service_role USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON public.embedding_usage FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));

-- The column's type as SQL writes it, its operator of distance, and its numbers (null: any); no row where there is
-- no such column.
CREATE FUNCTION public.embedding_type(OUT written text, OUT distance text, OUT dimensions integer)
RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT format('%I.%I', n.nspname, t.typname), format('OPERATOR(%I.<=>)', n.nspname), nullif(a.atttypmod, -1)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE a.attrelid = 'public.conversation_chunks'::regclass AND a.attname = 'embedding' AND NOT a.attisdropped
$$;

-- The column for embeddings as it is: its type by name, and how many numbers it takes; null if there is none.
CREATE FUNCTION public.embedding_column(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object('type', split_part(e.written, '.', 2), 'dimensions', e.dimensions)
    FROM embedding_type() e
$$;

-- A changed passage loses its embedding, unless it is given another at once, as the app may. The trigger names no
-- column: else the app could not change or drop its own.
CREATE FUNCTION public.drop_stale_embedding() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.content IS NOT DISTINCT FROM OLD.content THEN
        RETURN NEW;
    END IF;
    BEGIN
        IF OLD.embedding IS NOT NULL AND NEW.embedding::text IS NOT DISTINCT FROM OLD.embedding::text THEN
            NEW.embedding := NULL;
        END IF;
    EXCEPTION WHEN undefined_column THEN
        NULL;  -- dropped since
    END;
    RETURN NEW;
END
$$;

-- True if the trigger was missing.
CREATE FUNCTION public.watch_embeddings() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.conversation_chunks'::regclass
               AND tgname = 'soulprint_stale_embedding') THEN
        RETURN false;
    END IF;
    CREATE TRIGGER soulprint_stale_embedding BEFORE UPDATE ON conversation_chunks
        FOR EACH ROW EXECUTE FUNCTION drop_stale_embedding();
    -- For the plan of a migration, which cannot see into this.
    RAISE NOTICE 'CREATE TRIGGER soulprint_stale_embedding BEFORE UPDATE ON public.conversation_chunks '
        'FOR EACH ROW EXECUTE FUNCTION public.drop_stale_embedding()' USING ERRCODE = 'SP010';
    RETURN true;
END
$$;

-- The app's column is there already: what it holds must not outlive the text, whether or not we fill it.
DO $$
BEGIN
    IF EXISTS (SELECT FROM public.embedding_type()) THEN
        PERFORM public.watch_embeddings();
    END IF;
END
$$;

-- Makes all that embeddings need and that is not there: pgvector, the column, the index by which passages without
-- one are found, and the trigger. For the owner of the table. Answers what it made. Where there is a column, it is
-- left as it is, whatever its numbers.
CREATE FUNCTION public.prepare_embeddings(numbers integer) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    made text[] := '{}';
    place text := CASE WHEN to_regnamespace('extensions') IS NULL THEN 'public' ELSE 'extensions' END;
BEGIN
    IF NOT EXISTS (SELECT FROM embedding_type()) THEN
        IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') THEN
            EXECUTE format('CREATE EXTENSION vector SCHEMA %I', place);
            made := made || format('extension vector in schema %s', place);
        END IF;
        EXECUTE format('ALTER TABLE conversation_chunks ADD COLUMN embedding %I.vector(%s)',
            (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
             WHERE e.extname = 'vector'), numbers);
        made := made || format('column conversation_chunks.embedding vector(%s)', numbers);
    END IF;
    SELECT split_part(e.written, '.', 1) INTO place FROM embedding_type() e;
    IF NOT has_schema_privilege('service_role', place, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO service_role', place);
        made := made || format('usage of schema %s', place);
    END IF;
    IF to_regclass('public.conversation_chunks_to_embed') IS NULL THEN
        CREATE INDEX conversation_chunks_to_embed ON conversation_chunks (user_id, created_at DESC)
            WHERE embedding IS NULL;
        made := made || 'index conversation_chunks_to_embed'::text;
    END IF;
    IF watch_embeddings() THEN
        made := made || 'trigger soulprint_stale_embedding'::text;
    END IF;
    RETURN made;
END
$$;

-- {owner, seconds, model, limit, user_id?}: passages without an embedding for this owner, most recent first, all of
-- one user: whose turn it is, or who is named. They are the owner's for so many seconds, and until then nobody
-- else's. Null if there are none.
CREATE FUNCTION public.next_passages_to_embed(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    of_now timestamptz := clock_timestamp();
    whose uuid;
    answer jsonb;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        owner text, seconds double precision, model text, user_id uuid);
    IF NOT EXISTS (SELECT FROM embedding_type()) THEN
        RETURN NULL;
    END IF;
    -- One at a time: two at once would choose the same passages.
    PERFORM pg_advisory_xact_lock(hashtextextended('soulprint embeddings', 4));
    FOR whose IN EXECUTE $q$
        WITH RECURSIVE waiting(user_id) AS (
            (SELECT c.user_id FROM conversation_chunks c WHERE c.embedding IS NULL ORDER BY c.user_id LIMIT 1)
            UNION ALL
            SELECT (SELECT c.user_id FROM conversation_chunks c
                    WHERE c.embedding IS NULL AND c.user_id > w.user_id ORDER BY c.user_id LIMIT 1)
            FROM waiting w WHERE w.user_id IS NOT NULL)
        SELECT w.user_id FROM waiting w LEFT JOIN embedding_turns t USING (user_id)
        WHERE w.user_id IS NOT NULL AND ($1 IS NULL OR w.user_id = $1)
        ORDER BY t.turn_at NULLS FIRST, w.user_id $q$ USING a.user_id
    LOOP
        EXECUTE $q$
            WITH free AS MATERIALIZED (
                SELECT c.id, c.content, c.created_at FROM conversation_chunks c
                WHERE c.user_id = $1 AND c.embedding IS NULL AND NOT EXISTS (
                    SELECT FROM embedding_claims e
                    WHERE e.passage_id = c.id AND e.until > $2
                      AND (e.refused IS NULL OR (e.model = $3 AND e.content_hash = md5(c.content))))
                ORDER BY c.created_at DESC LIMIT $4),
            claimed AS (
                INSERT INTO embedding_claims AS e (passage_id, user_id, owner, until, content_hash, model)
                SELECT f.id, $1, $5, $2 + make_interval(secs => $6), md5(f.content), $3 FROM free f
                ON CONFLICT (passage_id) DO UPDATE SET
                    owner = excluded.owner, until = excluded.until, refused = NULL,
                    refusals = CASE WHEN (e.content_hash, e.model) = (excluded.content_hash, excluded.model)
                                    THEN e.refusals ELSE 0 END,
                    content_hash = excluded.content_hash, model = excluded.model)
            SELECT jsonb_agg(jsonb_build_object('id', f.id, 'content', f.content, 'content_hash', md5(f.content))
                             ORDER BY f.created_at DESC) FROM free f
            $q$ INTO answer USING whose, of_now, a.model, (argument ->> 'limit')::integer, a.owner, a.seconds;
        IF answer IS NOT NULL THEN
            INSERT INTO embedding_turns AS t (user_id, turn_at) VALUES (whose, of_now)
                ON CONFLICT (user_id) DO UPDATE SET turn_at = excluded.turn_at;
            RETURN jsonb_build_object('user_id', whose, 'passages', answer);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- {user_id, owner, model, embedded: [{id, content_hash, embedding}], refused: [{id, content_hash, reason, final}],
-- calls, tokens, cost}: stores what a call gave. A passage whose content is another by now stays without, and is
-- given out again, as one that was refused is: never if that is final, else after days. Answers how many were stored.
CREATE FUNCTION public.save_embeddings(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    vector text := (SELECT written FROM embedding_type());
    stored integer := 0;
    newest imports;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        user_id uuid, owner text, model text, embedded jsonb, refused jsonb, calls bigint, tokens bigint,
        cost double precision);
    IF jsonb_array_length(a.embedded) > 0 THEN
        -- Locked in the order of save_chunks_batch, so that neither waits for the other in a circle. The keys stand
        -- as an array, too: joined alone, the planner may read the whole table while it is not analysed.
        EXECUTE format($q$
            WITH held AS MATERIALIZED (
                SELECT c.id, md5(c.content) AS content_hash FROM conversation_chunks c
                WHERE c.id = ANY ($3) AND c.user_id = $2 AND c.embedding IS NULL
                ORDER BY c.conversation_id COLLATE "C", c.passage_index FOR NO KEY UPDATE)
            UPDATE conversation_chunks c SET embedding = g.embedding::%s
            FROM jsonb_to_recordset($1) AS g(id uuid, content_hash text, embedding text)
            JOIN held h ON h.id = g.id AND h.content_hash = g.content_hash
            WHERE c.id = ANY ($3) AND c.id = h.id
            $q$, vector)
            USING a.embedded, a.user_id, ARRAY(SELECT (e ->> 'id')::uuid FROM jsonb_array_elements(a.embedded) e);
        GET DIAGNOSTICS stored = ROW_COUNT;
    END IF;
    DELETE FROM embedding_claims e
        USING jsonb_to_recordset(a.embedded) AS g(id uuid)
        WHERE e.passage_id = g.id AND e.owner = a.owner;
    UPDATE embedding_claims e SET
            owner = NULL, refused = g.reason, refusals = e.refusals + 1, content_hash = g.content_hash,
            model = a.model,
            until = CASE WHEN g.final OR e.refusals >= 2 THEN 'infinity'
                         ELSE clock_timestamp() + interval '1 day' * 2 ^ e.refusals END
        FROM jsonb_to_recordset(a.refused) AS g(id uuid, content_hash text, reason text, final boolean)
        WHERE e.passage_id = g.id AND e.owner = a.owner;
    SELECT * INTO newest FROM imports i
        WHERE i.user_id = a.user_id AND i.kind = 'primary' AND i.state <> 'cancelled'
        ORDER BY i.requested_at DESC, i.ordinal DESC LIMIT 1;
    INSERT INTO embedding_usage AS u (user_id, import_id, run, model, passages, calls, input_tokens, cost)
    VALUES (a.user_id, coalesce(newest.import_id, '00000000-0000-0000-0000-000000000000'),
            coalesce(newest.run, 0), a.model, stored, a.calls, a.tokens, a.cost)
    ON CONFLICT (user_id, import_id, run, model) DO UPDATE SET
        passages = u.passages + excluded.passages, calls = u.calls + excluded.calls,
        input_tokens = least(u.input_tokens + excluded.input_tokens, 9007199254740991),
        cost = u.cost + excluded.cost;
    RETURN to_jsonb(stored);
END
$$;

-- Prolongs all that an owner has to embed.
CREATE FUNCTION public.renew_passages(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    renewed integer;
BEGIN
    UPDATE embedding_claims e
        SET until = clock_timestamp() + make_interval(secs => (argument ->> 'seconds')::double precision)
        WHERE e.owner = argument ->> 'owner';
    GET DIAGNOSTICS renewed = ROW_COUNT;
    RETURN to_jsonb(renewed);
END
$$;

-- Gives all back that an owner has to embed, and forgets refusals of passages that are gone.
CREATE FUNCTION public.release_passages(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE embedding_claims e SET owner = NULL, until = 'epoch' WHERE e.owner = argument ->> 'owner';
    DELETE FROM embedding_claims e
        WHERE e.owner IS NULL AND NOT EXISTS (SELECT FROM conversation_chunks c WHERE c.id = e.passage_id);
    RETURN to_jsonb(true);
END
$$;

REVOKE ALL ON FUNCTION public.prepare_embeddings(integer), public.watch_embeddings(), public.drop_stale_embedding()
    FROM PUBLIC, anon, authenticated;
REVOKE ALL ON FUNCTION
    public.embedding_type(), public.embedding_column(jsonb), public.next_passages_to_embed(jsonb),
    public.save_embeddings(jsonb), public.renew_passages(jsonb), public.release_passages(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.embedding_type(), public.embedding_column(jsonb), public.next_passages_to_embed(jsonb),
    public.save_embeddings(jsonb), public.renew_passages(jsonb), public.release_passages(jsonb)
TO service_role;
