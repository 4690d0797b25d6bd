/// Version of the product (CHANGELOG.md).
public enum RoostVersion {
    public static let current = "0.1.0"
}
