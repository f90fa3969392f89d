-- The app's own schema, form A: what its migrations make where all of them that can have run.
CREATE TABLE public.user_profiles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL UNIQUE REFERENCES auth.users (id) ON DELETE CASCADE,
    soulprint jsonb,
    soulprint_text text,
    import_status text DEFAULT 'none'
        CHECK (import_status IN ('none', 'quick_ready', 'processing', 'complete', 'locked')),
    import_error text,
    raw_export_path text,
    processing_started_at timestamptz,
    soulprint_locked boolean DEFAULT false,
    locked_at timestamptz,
    soulprint_generated_at timestamptz,
    soulprint_updated_at timestamptz,
    total_conversations integer DEFAULT 0,
    total_messages integer DEFAULT 0,
    total_chunks integer DEFAULT 0,
    processed_chunks integer DEFAULT 0,
    embedding_progress integer DEFAULT 0,
    embedding_status text DEFAULT 'pending',
    embeddings_completed_at timestamptz,
    memory_status text DEFAULT 'none',
    personality_profile jsonb,
    soul_md text,
    identity_md text,
    user_md text,
    agents_md text,
    tools_md text,
    memory_md text,
    memory_log text,
    memory_log_date date,
    ai_name text,
    ai_avatar_url text,
    quality_breakdown jsonb,
    quality_scored_at timestamptz,
    import_stage text,
    progress_percent integer DEFAULT 0,
    full_pass_status text DEFAULT 'pending'
        CHECK (full_pass_status IN ('pending', 'processing', 'complete', 'failed')),
    full_pass_started_at timestamptz,
    full_pass_completed_at timestamptz,
    full_pass_error text,
    referred_by text,
    referred_by_name text,
    soulprint_id text UNIQUE,
    soulprint_status text,
    pillars_completed boolean,
    pillars_completed_at timestamptz,
    voice_completed boolean,
    voice_completed_at timestamptz,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);
CREATE INDEX idx_user_profiles_user_id ON public.user_profiles (user_id);
ALTER TABLE public.user_profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Own profile: read" ON public.user_profiles FOR SELECT USING (auth.uid() = user_id);
CREATE POLICY "Own profile: add" ON public.user_profiles FOR INSERT WITH CHECK (auth.uid() = user_id);
CREATE POLICY "Own profile: change" ON public.user_profiles FOR UPDATE USING (auth.uid() = user_id);

-- Who signs up has a profile.
CREATE FUNCTION public.handle_new_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO public.user_profiles (user_id) VALUES (new.id) ON CONFLICT (user_id) DO NOTHING;
    RETURN new;
END
$$;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users
    FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();

CREATE TABLE public.conversation_chunks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    conversation_id text NOT NULL,
    title text,
    content text NOT NULL,
    message_count integer,
    created_at timestamptz NOT NULL,
    updated_at timestamptz DEFAULT now(),
    is_recent boolean DEFAULT false,
    chunk_tier text DEFAULT 'medium',
    embedding vector(768)
);
CREATE INDEX idx_conversation_chunks_user ON public.conversation_chunks (user_id);
CREATE INDEX idx_conversation_chunks_recent ON public.conversation_chunks (user_id, is_recent);
ALTER TABLE public.conversation_chunks ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Own chunks: read" ON public.conversation_chunks FOR SELECT USING (auth.uid() = user_id);
CREATE POLICY "Own chunks: add" ON public.conversation_chunks FOR INSERT WITH CHECK (auth.uid() = user_id);
CREATE POLICY "Own chunks: remove" ON public.conversation_chunks FOR DELETE USING (auth.uid() = user_id);

CREATE FUNCTION public.match_conversation_chunks(
    query_embedding vector(768), match_user_id uuid, match_count integer DEFAULT 10,
    match_threshold double precision DEFAULT 0.5
) RETURNS TABLE (
    id uuid, conversation_id text, title text, content text, created_at timestamptz, similarity double precision
) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT c.id, c.conversation_id::text, c.title, c.content, c.created_at::timestamptz,
           1 - (c.embedding <=> query_embedding)
    FROM conversation_chunks c
    WHERE c.user_id = match_user_id AND c.embedding IS NOT NULL
      AND 1 - (c.embedding <=> query_embedding) > match_threshold
    ORDER BY c.embedding <=> query_embedding LIMIT match_count;
END
$$;
CREATE FUNCTION public.match_conversation_chunks_by_tier(
    query_embedding vector(768), match_user_id uuid, match_tier text, match_count integer DEFAULT 10,
    match_threshold double precision DEFAULT 0.5
) RETURNS TABLE (
    id uuid, conversation_id text, title text, content text, created_at timestamptz, similarity double precision
) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT c.id, c.conversation_id::text, c.title, c.content, c.created_at::timestamptz,
           1 - (c.embedding <=> query_embedding)
    FROM conversation_chunks c
    WHERE c.user_id = match_user_id AND c.chunk_tier = match_tier AND c.embedding IS NOT NULL
      AND 1 - (c.embedding <=> query_embedding) > match_threshold
    ORDER BY c.embedding <=> query_embedding LIMIT match_count;
END
$$;

-- The app's other tables, which SoulPrint never touches; as far as that needs to be seen.
CREATE TABLE public.conversations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    title text,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE public.chat_messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    conversation_id uuid REFERENCES public.conversations (id) ON DELETE CASCADE,
    role text NOT NULL,
    content text NOT NULL,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE public.learned_facts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    fact text NOT NULL,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE public.raw_conversations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    conversation_id text NOT NULL,
    messages jsonb
);
CREATE TABLE public.import_jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    status text DEFAULT 'pending'
);
CREATE TABLE public.processing_jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    status text DEFAULT 'pending'
);
DO $$
DECLARE
    other text;
BEGIN
    FOREACH other IN ARRAY ARRAY['conversations', 'chat_messages', 'learned_facts', 'raw_conversations',
                                 'import_jobs', 'processing_jobs'] LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', other);
        EXECUTE format('CREATE POLICY "Own rows" ON public.%I USING (auth.uid() = user_id)', other);
    END LOOP;
END
$$;
GRANT ALL ON ALL TABLES IN SCHEMA public TO anon, authenticated, service_role;

-- The bucket of exports: an object is {user_id}/{epoch ms}-{name}.
INSERT INTO storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
    VALUES ('imports', 'imports', false, 10737418240, ARRAY['application/zip', 'application/json']);
CREATE POLICY "Own exports" ON storage.objects
    USING (bucket_id = 'imports' AND (storage.foldername(name))[1] = auth.uid()::text);
