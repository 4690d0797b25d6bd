import Ground

/// The OpenAPI 3.1 description of the operations.
enum OpenAPIDocument {
    static func make(_ operations: [AdminOperation]) -> JSONValue {
        var components: [String: JSONValue] = [:]
        var paths: [String: [String: JSONValue]] = [:]
        for operation in operations {
            paths[operation.path, default: [:]][operation.method.rawValue.lowercased()] = describe(
                operation, &components, hasTag: operations.contains { $0.isResource && $0.path == operation.path })
        }
        _ = JSONSchema.of(Problem.self).json(components: &components)
        let topics = Set(operations.map(\.topic)).sorted()
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Roost administration", "version": .string(RoostVersion.current),
                "description": "Administers a Roost server. Errors are problem documents (RFC 9457).",
            ],
            "servers": [["url": .string(AdminRouting.apiPrefix)]],
            "tags": .array(topics.map { ["name": .string($0)] }),
            "security": [["token": []]],
            "paths": .object(paths.mapValues { .object($0) }),
            "components": [
                "schemas": .object(components),
                "securitySchemes": [
                    "token": ["type": "http", "scheme": "bearer", "description": "A token of `roost token create`."]
                ],
            ],
        ]
    }

    private static func describe(
        _ operation: AdminOperation, _ components: inout [String: JSONValue], hasTag: Bool
    ) -> JSONValue {
        let roles = AdminRole.allCases.filter { operation.roles.contains($0) }.map(\.rawValue)
        var described: [String: JSONValue] = [
            "operationId": .string(operation.name), "summary": .string(operation.summary),
            "tags": [.string(operation.topic)],
            "description": .string(
                (operation.details.isEmpty ? "" : operation.details + "\n\n")
                    + "Roles: \(roles.joined(separator: ", "))."),
            "x-roles": .array(roles.map { .string($0) }),
            "responses": .object(responses(operation, &components, hasTag: hasTag)),
        ]
        var parameters = operation.parameters.map { parameter -> JSONValue in
            [
                "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
                "description": .string(parameter.summary), "required": .bool(parameter.isRequired),
                "schema": parameter.schema.json(components: &components),
            ]
        }
        if operation.method == .post {
            parameters.append(
                header("Idempotency-Key", "The same key with the same request is done once.", .string(1...256)))
        }
        if hasTag, operation.changes {
            parameters.append(header("If-Match", "`ETag` of the state that the change is meant for.", .string))
        }
        if operation.isResource, operation.method == .get {
            parameters.append(header("If-None-Match", "`ETag` of what is known already.", .string))
        }
        if !parameters.isEmpty { described["parameters"] = .array(parameters) }
        if let body = operation.body {
            described["requestBody"] = [
                "required": true, "content": ["application/json": ["schema": body.json(components: &components)]],
            ]
        }
        return .object(described)
    }

    private static func header(_ name: String, _ summary: String, _ schema: JSONSchema) -> JSONValue {
        var unused: [String: JSONValue] = [:]
        return [
            "name": .string(name), "in": "header", "required": false, "description": .string(summary),
            "schema": schema.json(components: &unused),
        ]
    }

    private static func responses(
        _ operation: AdminOperation, _ components: inout [String: JSONValue], hasTag: Bool
    ) -> [String: JSONValue] {
        var success: [String: JSONValue] = ["description": .string(operation.result == nil ? "Done." : "The answer.")]
        if let result = operation.result {
            success["content"] = ["application/json": ["schema": result.json(components: &components)]]
        }
        var responses: [String: JSONValue] = ["\(operation.status)": .object(success)]
        var failures = [400, 401, 403, 429, 500, 503]
        // A parameter may name what is not there, or not be an address, a domain, a version.
        if !operation.parameters.isEmpty || operation.changes { failures += [404, 422] }
        if operation.changes { failures.append(409) }
        if operation.body != nil { failures += [413, 415, 422] }
        if hasTag, operation.changes { failures.append(412) }
        if operation.isResource, operation.method == .get { responses["304"] = ["description": "As it was known."] }
        for status in Set(failures) {
            let title = AdminError.Condition.allCases.first { $0.problem.status == status }?.problem.title ?? ""
            responses["\(status)"] = [
                "description": .string(title),
                "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
            ]
        }
        return responses
    }
}
