import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// What watches the server ask for: figures as text (`/metrics`), and whether it is well (`/health/live`,
/// `/health/ready`; without a login, because load balancers have none, and without figures).
public struct MetricsPages: AdminPages {
    public init() {}

    public func add(to router: Router<AdminRequestContext>, admin: AdminInterface) {
        router.get("/metrics") { _, context in
            guard let principal = context.principal else {
                throw AdminError(
                    .unauthenticated, "ask with a token: roost token create --role auditor --scope metrics")
            }
            guard let operation = AdminOperations.named("metrics.list"), principal.mayPerform(operation) else {
                throw AdminError(.forbidden, "this token does not reach metrics")
            }
            guard let metrics = admin.parts.metrics else { throw AdminError(.unavailable, "there are no figures") }
            let text = OpenMetricsText.render(try await metrics.metrics())
            return Response(
                status: .ok, headers: [.contentType: OpenMetricsText.contentType],
                body: .init(byteBuffer: ByteBuffer(string: text)))
        }
        router.get("/health/live") { _, _ in await Self.answer(admin, \.isLive) }
        router.get("/health/ready") { _, _ in await Self.answer(admin, \.isReady) }
    }

    private static func answer(_ admin: AdminInterface, _ isWell: (AdminHealth) -> Bool) async -> Response {
        let health = await admin.parts.metrics?.health() ?? AdminHealth(isLive: true, checks: [])
        let body = (try? JSONEncoder().encode(health)) ?? Data()
        return Response(
            status: isWell(health) ? .ok : .serviceUnavailable, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}
