enum MetricsOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "metrics.list", .get, "/metrics", "Every figure of the server; as OpenMetrics text at /metrics.",
            roles: .everyone, result: AdminMetricsList.self
        ) { call in AdminMetricsList(items: try await call.part(call.admin.parts.metrics).metrics()) },
        AdminOperation(
            "metrics.history", .get, "/metrics/history", "The last ten minutes, for charts.", roles: .everyone,
            result: AdminMetricsHistory.self
        ) { call in try await call.part(call.admin.parts.metrics).metricsHistory() },
        AdminOperation(
            "health.get", .get, "/health", "Whether the server is well; without a login at /health/ready.",
            roles: .everyone, result: AdminHealth.self
        ) { call in await (try call.part(call.admin.parts.metrics)).health() },
    ]
}

public struct AdminMetricsList: Codable, Sendable, Equatable {
    public var items: [AdminMetric]
}
