/// Who knows whom: users sit in a ring, and each has the nearest ones on both sides as contacts.
struct ContactRing: Sendable {
    let users: Int
    /// Even, below `users`.
    let contacts: Int

    private var reach: Int { contacts / 2 }

    /// The contacts of a user, nearest first.
    func contacts(of user: Int) -> [Int] {
        (1...reach).flatMap { [(user + $0) % users, (user - $0 + users) % users] }
    }

    /// A contact's place in a user's list, `0 ..< contacts`; `contacts` is the user itself; nil is nobody.
    func slot(of other: Int, at user: Int) -> Int? {
        guard (0..<users).contains(other) else { return nil }
        let ahead = (other - user + users) % users
        if ahead == 0 { return contacts }
        if ahead <= reach { return ahead - 1 }
        let behind = users - ahead
        return behind <= reach ? reach + behind - 1 : nil
    }
}
