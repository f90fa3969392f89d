-- What a content gave under a model and a prompt version, for one user: a replay costs no call.
CREATE TABLE public.extraction_cache (
    user_id uuid NOT NULL,
    content_hash text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    prompt_version text COLLATE "C" NOT NULL,
    facts jsonb NOT NULL,
    dropped jsonb NOT NULL DEFAULT '{}',
    unread jsonb NOT NULL DEFAULT '[]',
    usage jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, model, prompt_version, content_hash)
);

ALTER TABLE public.extraction_cache ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.extraction_cache FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.extraction_cache TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.extraction_cache TO service_role;
CREATE POLICY own_rows ON public.extraction_cache FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY services ON public.extraction_cache TO service_role USING (true) WITH CHECK (true);

-- Which of these contents the cache holds.
CREATE FUNCTION public.cached_hashes(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(c.content_hash), '[]')
    FROM extraction_cache c
    WHERE c.user_id = (argument ->> 'user_id')::uuid
      AND c.model = argument ->> 'model' AND c.prompt_version = argument ->> 'prompt_version'
      AND c.content_hash = ANY (ARRAY(SELECT jsonb_array_elements_text(argument -> 'hashes')))
$$;

REVOKE ALL ON FUNCTION public.cached_hashes(jsonb) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.cached_hashes(jsonb) TO service_role;
