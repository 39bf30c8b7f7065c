/** Slack knows pictures by their names. Those that agents use are translated; a name is taken as it is. */
const table = `
  👀 eyes  👍 +1  👎 -1  ✅ white_check_mark  ☑ ballot_box_with_check  ❌ x  ❤ heart  🎉 tada  🤔 thinking_face  🔥 fire  😂 joy
  🤣 rolling_on_the_floor_laughing  ⏳ hourglass_flowing_sand  ⌛ hourglass  🦞 lobster  🙏 pray  💯 100  👋 wave  👏 clap  🙌 raised_hands
  💪 muscle  🚀 rocket  ⚠ warning  🚫 no_entry_sign  ❓ question  ❗ exclamation  💡 bulb  📌 pushpin  🐛 bug  🔧 wrench  🤖 robot_face
  😀 grinning  😄 smile  😊 blush  🙂 slightly_smiling_face  😉 wink  😍 heart_eyes  😎 sunglasses  😢 cry  😭 sob  😮 open_mouth  😱 scream
  😡 rage  🤯 exploding_head  🥳 partying_face  😴 sleeping  🫡 saluting_face  👌 ok_hand  ✍ writing_hand  🧠 brain  ⭐ star  ✨ sparkles
  ⚡ zap  🔁 repeat  🛠 hammer_and_wrench  🔍 mag  📎 paperclip  📝 memo  ☕ coffee  🍀 four_leaf_clover  💔 broken_heart
`

const names = new Map(Array.from(table.matchAll(/(\S+) (\S+)/g), ([, emoji, name]) => [emoji!, name!]))

/** Undefined: Slack has no such name that we know of. */
export function emojiName (emoji: string): string | undefined {
  const name = /^:?([\w+'-]{1,100})(?:::skin-tone-\d)?:?$/.exec(emoji)?.[1]
  // The mark behind a picture only asks for colours.
  return name?.toLowerCase() ?? names.get(emoji.replaceAll('\uFE0F', ''))
}
