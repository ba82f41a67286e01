// Everything that belongs to a person, in model centimetres.
in vec3 in_position;
in vec3 in_normal;
in vec4 in_crease;
in float in_pebble;
in vec4 in_colour;        // albedo, and gloss (opacity for things that are worn)
in vec2 in_uv;
in float in_kind;
in vec2 in_brow;
in float in_lip;
in float in_lid;
in float in_cavity;
in vec4 in_phase;
in float in_beard;
in vec3 in_rim;
out vec3 model;
out vec3 place_seen;
out vec3 normal;
out vec4 colour;
out vec2 uv;
out vec4 near_to;         // lip, lid, cavity, beard
out vec3 in_sun;
#if FACE
out vec2 brow;
out vec4 crease;          // depth of the four layers (creases.py)
out vec4 phase;
out vec4 rim;             // distance to the lids' edges, below or above, distance to the eyeliner's line; pebbles
#endif
flat out int kind;

void main() {
    vec3 seen = (head * vec4(in_position, 1.0)).xyz;
    model = in_position;
    place_seen = seen;
    normal = mat3(head) * in_normal;
    colour = in_colour;
    uv = in_uv;
    near_to = vec4(in_lip, in_lid, in_cavity, in_beard);
#if FACE
    brow = in_brow;
    crease = in_crease;
    phase = in_phase;
    rim = vec4(in_rim, in_pebble);
#endif
    kind = int(in_kind + 0.5);
    in_sun = (sun * vec4(seen, 1.0)).xyz * 0.5 + 0.5;
    float depth = -seen.z;
    // near 5 cm, far 500 cm
    gl_Position = vec4(lens.x * seen.x + lens.z * depth, lens.y * seen.y + lens.w * depth,
                       (505.0 / 495.0) * depth - 2.0 * 5.0 * 500.0 / 495.0, depth);
}
