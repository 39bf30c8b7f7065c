/** What the Windows Task Scheduler is given: the task, and the two small files that it starts. */
import type { ReadDefinition } from './service.ts'
import { ServiceError } from './names.ts'
import type { ServicePlan } from './plan.ts'
import { escapeXml } from './plist-text.ts'

const oneLine = (value: string): string => {
  if (/[\r\n\0"]/.test(value)) throw new ServiceError('a path or a variable of the service has a line break or a quotation mark in it')
  return value.replaceAll('%', '%%')
}

const lines = (...text: string[]): string => [...text, ''].join('\r\n')

export const commandFileText = (plan: ServicePlan): string => lines(
  '@echo off',
  `rem ${oneLine(plan.names.description)}`,
  `cd /d "${oneLine(plan.workingDirectory)}"`,
  ...Object.entries(plan.environment).map(([name, value]) => `set "${name}=${oneLine(value)}"`),
  plan.programArguments.map(word => /^[\w.:\\/-]+$/.test(word) ? word : `"${oneLine(word)}"`).join(' '),
  'exit /b %ERRORLEVEL%'
)

/** Starts the command file without a window, and ends with its exit code. */
export const launcherText = (commandFile: string): string => lines(
  'Set shell = CreateObject("WScript.Shell")',
  `WScript.Quit shell.Run("""${commandFile}""", 0, True)`
)

export const taskXml = (plan: ServicePlan, launcher: string, user: string): string => lines(
  '<?xml version="1.0" encoding="UTF-16"?>',
  '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
  '  <RegistrationInfo>',
  `    <Description>${escapeXml(plan.names.description)}</Description>`,
  '  </RegistrationInfo>',
  '  <Triggers>',
  '    <LogonTrigger>',
  '      <Enabled>true</Enabled>',
  `      <UserId>${escapeXml(user)}</UserId>`,
  '    </LogonTrigger>',
  '  </Triggers>',
  '  <Principals>',
  '    <Principal id="Author">',
  `      <UserId>${escapeXml(user)}</UserId>`,
  '      <LogonType>InteractiveToken</LogonType>',
  '      <RunLevel>LeastPrivilege</RunLevel>',
  '    </Principal>',
  '  </Principals>',
  '  <Settings>',
  '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
  '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
  '    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
  '    <StartWhenAvailable>true</StartWhenAvailable>',
  '    <Enabled>true</Enabled>',
  '    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>',
  '    <RestartOnFailure>',
  '      <Interval>PT1M</Interval>',
  '      <Count>3</Count>',
  '    </RestartOnFailure>',
  '  </Settings>',
  '  <Actions Context="Author">',
  '    <Exec>',
  '      <Command>wscript.exe</Command>',
  `      <Arguments>"${escapeXml(launcher)}"</Arguments>`,
  '    </Exec>',
  '  </Actions>',
  '</Task>'
)

export function readCommandFile (text: string): ReadDefinition {
  const all = text.split(/\r?\n/).map(line => line.replaceAll('%%', '%'))
  const command = all.findLast(line => line !== '' && !/^(@echo|rem|cd|set|exit) /i.test(line)) ?? ''
  return {
    programArguments: [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!),
    workingDirectory: all.map(line => /^cd \/d "(.*)"$/.exec(line)?.[1]).find(Boolean),
    environment: Object.fromEntries(all.flatMap(line => {
      const [, name, value] = /^set "([^=]+)=(.*)"$/.exec(line) ?? []
      return name === undefined ? [] : [[name, value!]]
    }))
  }
}
