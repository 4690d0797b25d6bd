enum ExplainOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "explain.presence", .get, "/explain/presence", "What somebody sees of a user's presence, and why.",
            details: "Comes from the decisions that the stanzas themselves get.",
            parameters: [
                .query("viewer", "Who looks: an address here or elsewhere.", .string(1...2_047), isRequired: true),
                .query("target", "At whom: an account here.", .string(1...2_047), isRequired: true),
            ],
            roles: .everyone, result: AdminPresenceExplanation.self
        ) { call in
            try await call.backend.explainPresence(viewer: try call.text("viewer"), target: try call.text("target"))
        },
        AdminOperation(
            "explain.message", .get, "/explain/message", "Where a message is, and how it came there.",
            details:
                "Steps are known of the last few thousand messages; journal and archives of all. No texts are shown.",
            parameters: [
                .query(
                    "id", "The id that the server gave (XEP-0359), or that of the sender's client.", .string(1...1_024),
                    isRequired: true)
            ],
            roles: .everyone, result: AdminMessageExplanations.self
        ) { call in
            try await call.backend.explainMessage(try call.text("id"))
        },
        AdminOperation(
            "presence.show", .get, "/users/{jid}/presence", "The presence of a user as the server sees it.",
            parameters: [.jid], roles: .everyone, result: AdminUserPresence.self
        ) { call in
            try await call.backend.userPresence(try call.text("jid"))
        },
        AdminOperation(
            "presence.set", .put, "/users/{jid}/presence", "Sets the status of a user by hand.",
            details: "It goes before what the user's clients say, until it is changed or its time is over.",
            parameters: [.jid], body: AdminStatusChange.self, roles: .helpers, result: AdminDone.self
        ) { call, status in
            try await call.backend.setUserStatus(status, of: try call.text("jid"))
            call.note.after = status.state
            return AdminDone()
        },
        AdminOperation(
            "presence.clear", .delete, "/users/{jid}/presence", "Removes the status that was set by hand.",
            parameters: [.jid], roles: .helpers, result: AdminDone.self
        ) { call in
            try await call.backend.setUserStatus(nil, of: try call.text("jid"))
            return AdminDone()
        },
        AdminOperation(
            "traces.begin", .post, "/traces", "Begins to show stanzas of clients as they pass.",
            details: "Texts are left out unless they are asked for. A trace that nobody reads for a minute ends.",
            body: AdminTraceRequest.self, roles: .administrators, status: 201, result: AdminTrace.self,
            location: { "/traces/\($0.id)/events" }
        ) { call, request in
            call.note.target = request.jid
            call.note.summary = request.bodies == true ? "with texts" : "without texts"
            return try await call.backend.beginTrace(request)
        },
        AdminOperation(
            "traces.events", .get, "/traces/{id}/events", "What has passed since the last look.",
            parameters: [
                .path("id", "Of the trace.", .string(1...64)),
                .query(
                    "after", "Number of the last event that is known: `next` of the last answer.",
                    .integer(0...Int(Int32.max))),
                .query("wait", "Seconds to wait for an event when there is none.", .integer(0...30)),
            ],
            roles: .administrators, result: AdminTraceEvents.self
        ) { call in
            try await call.backend.traceEvents(
                try call.text("id"), after: call.integer("after") ?? 0, seconds: call.integer("wait") ?? 0)
        },
        AdminOperation(
            "traces.end", .delete, "/traces/{id}", "Ends a trace.",
            parameters: [.path("id", "Of the trace.", .string(1...64))],
            roles: .administrators, result: AdminDone.self
        ) { call in
            try await call.backend.endTrace(try call.text("id"))
            return AdminDone()
        },
    ]
}
