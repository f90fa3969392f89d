-- Form C: form A with four things that SoulPrint cannot stand beside.
ALTER TABLE public.user_profiles ALTER COLUMN progress_percent DROP DEFAULT;
ALTER TABLE public.user_profiles ALTER COLUMN progress_percent TYPE text;
ALTER TABLE public.user_profiles DROP CONSTRAINT user_profiles_user_id_key;
ALTER TABLE public.conversation_chunks ALTER COLUMN conversation_id TYPE uuid USING conversation_id::uuid;
ALTER TABLE public.conversation_chunks ALTER COLUMN created_at TYPE timestamp;
DROP TRIGGER on_auth_user_created ON auth.users;
INSERT INTO auth.users (id) VALUES ('00000000-0000-4000-8000-00000000000a');
INSERT INTO public.user_profiles (user_id, progress_percent)
    VALUES ('00000000-0000-4000-8000-00000000000a', '12%'), ('00000000-0000-4000-8000-00000000000a', '50%');
