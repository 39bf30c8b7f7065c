export {
  accountEntries, channelSections, defaultAccountOf, hasChannels, onlyAccountId, type AccountEntry
} from '../config/channel-entries.ts'
