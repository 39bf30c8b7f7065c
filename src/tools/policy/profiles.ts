/**
 * The named sets of tools. Other settings take away from them; only `alsoAllow` beside the profile adds.
 * `gateway` is in none but `full`: all that it does here is to show the configuration.
 */
export const profileNames = ['minimal', 'coding', 'messaging', 'full'] as const
export type ProfileName = typeof profileNames[number]

export const profiles: { readonly [name in ProfileName]: readonly string[] } = {
  minimal: ['session_status'],
  coding: [
    'group:fs', 'group:runtime', 'group:web', 'group:memory', 'group:sessions', 'cron', 'automations', 'plugins', 'screen', 'dashboard',
    'terminal', 'portal', 'theme', 'get_goal', 'create_goal', 'update_goal', 'progress_card', 'skill_workshop', 'ask_user', 'image', 'view_image',
    'image_generate', 'music_generate', 'video_generate', 'bundle-mcp'
  ],
  messaging: [
    'group:messaging', 'sessions', 'sessions_list', 'sessions_history', 'sessions_search', 'sessions_send', 'sessions_spawn', 'sessions_yield',
    'subagents', 'session_status', 'conversations_list', 'conversations_send', 'conversations_turn', 'secrets', 'theme', 'ask_user',
    'bundle-mcp'
  ],
  full: ['*']
}
