/// Everything that serves requests: one line for each part of the face.
enum SIPHandlers {
    static func install(on server: SIPServer) {
    }
}
