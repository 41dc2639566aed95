// git-session: tells it what is said and done here. Made by "git session agent enable opencode".
import { spawnSync } from "node:child_process"

const program = "@program@"

export const GitSession = async ({ directory }) => {
  const parents = new Map()
  const told = new Set()
  let last
  // What a sub-agent does belongs to who started it.
  const root = (id) => (parents.has(id) ? root(parents.get(id)) : id)
  const tell = (event, id, more) => {
    if (!id) return
    const session_id = (last = root(id))
    try {
      const input = JSON.stringify({ session_id, cwd: directory, pid: process.pid, ...more })
      const stdio = ["pipe", "ignore", "ignore"]
      spawnSync(program, ["hook", "agent", "opencode", event], { input, stdio, timeout: 10000 })
    } catch {}
  }
  const once = (key) => !told.has(key) && told.add(key)
  process.on("exit", () => tell("SessionEnd", last, { reason: "exit" }))
  return {
    "chat.message": async (input, output) => {
      const text = output.parts.filter((it) => it.type === "text" && !it.synthetic)
      const model = output.message.model?.modelID
      if (parents.has(input.sessionID)) return
      const prompt = text.map((it) => it.text).join("\n")
      tell("UserPromptSubmit", input.sessionID, { prompt, model, message_id: output.message.id })
    },
    "tool.execute.after": async (input, output) => {
      tell("PostToolUse", input.sessionID, {
        tool_name: input.tool,
        tool_input: input.args,
        tool_response: output.output,
        tool_use_id: input.callID,
      })
    },
    event: async ({ event }) => {
      const it = event.properties
      if (event.type === "session.created") {
        if (it.info?.parentID) parents.set(it.info.id, it.info.parentID)
      } else if (event.type === "message.part.updated") {
        const { part } = it
        if (part.type === "text" && part.time?.end && once(part.id))
          tell("AfterAgentResponse", part.sessionID, { text: part.text, message_id: part.messageID })
      } else if (event.type === "message.updated") {
        const { info } = it
        if (info.role === "assistant" && info.time?.completed && once(info.id))
          tell("Usage", info.sessionID, { usage: info.tokens, model: info.modelID, message_id: info.id })
      } else if (event.type === "session.idle") {
        if (!parents.has(it.sessionID)) tell("Stop", it.sessionID, {})
      } else if (event.type === "permission.updated" || event.type === "permission.asked") {
        tell("PermissionRequest", it.sessionID, {})
      } else if (event.type === "session.deleted") {
        if (!parents.has(it.info?.id)) tell("SessionEnd", it.info?.id, { reason: "deleted" })
      }
    },
  }
}
