// The scene as the key light sees it.
in vec3 in_position;
void main() {
    gl_Position = sun * head * vec4(in_position, 1.0);
}
