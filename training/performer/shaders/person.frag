// Linear radiance of a person's surfaces under a key, a fill, a rim and an ambient light.
// Compiled once per PART (a software rasteriser would run every branch for every pixel) and with or without SHADOW.
in vec3 model;
in vec3 place_seen;
in vec3 normal;
in vec4 colour;
in vec2 uv;
in vec4 near_to;
in vec3 in_sun;
#if FACE
in vec2 brow;
in vec4 crease;
in vec4 phase;
in vec4 rim;
#endif
flat in int kind;
out vec4 result;

uniform sampler2D noise;       // grain, freckles, strands, clouds; tiled
uniform sampler2D sun_depth;

float hash(vec2 p) {
    return fract(sin(dot(p, vec2(12.9898, 78.233)) + shade.w) * 43758.5453);
}

float lit_by_key() {
#if SHADOW
    float turn = hash(gl_FragCoord.xy) * 6.2832;
    float lit = 0.0;
    for (int k = 0; k < 2; ++k) {
        vec2 at = in_sun.xy + vec2(cos(turn), sin(turn)) * (k == 0 ? 0.006 : -0.006);
        lit += texture(sun_depth, at).r + 0.004 > in_sun.z ? 0.5 : 0.0;
    }
    return mix(1.0, lit, shade.x);
#else
    return 1.0;
#endif
}

void main() {
    vec3 n = normalize(normal);
    vec3 eye = normalize(-place_seen);
    vec3 albedo = colour.rgb;
    float gloss = colour.a;
    float shine = 16.0;
    float light = near_to.z;
    float flesh = 0.0;
    float alpha = 1.0;

#if FACE || PART == 1   // skin of the face; of the rest
    flesh = 1.0;
    vec4 grain = texture(noise, uv * 5.0);
    albedo *= 1.0 + marks.y * 0.35 * (grain.r - 0.5);
#if FACE
    vec4 fine = texture(noise, uv * 11.0);
    albedo *= 1.0 - 0.45 * marks.x * smoothstep(0.62, 0.8, fine.g);
    albedo *= 1.0 - near_to.w * marks.z * (0.35 + 0.5 * smoothstep(0.45, 0.65, fine.r));
    float own = smoothstep(-0.3, 0.3, model.x);  // 1 on the subject's left half
    float height = 0.0;                          // of the skin over the mesh, cm
    float dim = 0.0;                             // light that creases lose
#if PART == 9 || PART == 11
    // eye shadow above the lid
    float upper = smoothstep(-0.3, 0.6, rim.y);
    albedo = mix(albedo, lid_paint.rgb, lid_paint.a * smoothstep(1.35, 0.15, rim.x) * upper);
#endif
#if PART == 10
    // lips: a soft rim, vertical creases; pressed or rolled in they thin out and pale
    float press = mix(lips.y, lips.x, own);
    press = max(press, model.y > mouth.y ? lips.z : lips.w);
    float lip = smoothstep(-0.06, 0.14, near_to.x - 0.2 * press + 0.05 * (grain.a - 0.5));
    float fold = texture(noise, vec2(uv.x * 30.0, uv.y * 3.0)).a;
    albedo = mix(albedo, mix(lip_colour.rgb * (0.8 + 0.4 * fold), albedo, 0.45 * press), lip * 0.9);
    gloss *= 1.0 + 0.3 * lip;
#elif PART == 9
    // brows: hairs that rise at the inner end and lie along the brow at the outer
    float t = brow.x;
    float arch = 2.0 * t - 0.9;
    float lift = brow.y - brow_shape.w - brow_shape.y * (1.0 - arch * arch) * 0.5 * step(0.0, t);
    float thick = brow_shape.x * (0.6 + 0.5 * smoothstep(0.0, 0.35, t)) * (1.0 - 0.8 * smoothstep(0.5, 1.0, t)) * 0.85;
    float lean = mix(1.35, 0.2, smoothstep(-0.1, 0.6, t)) - 0.5 * clamp(lift / 0.4, -1.0, 1.0);
    vec2 along = vec2(sin(lean), cos(lean));
    vec2 at = vec2(t * 5.4, lift);
    float across = at.x * along.x - at.y * along.y;
    float down = at.x * along.y + at.y * along.x;
    float strand = texture(noise, vec2(across * 0.15, down * 0.05)).b;
    float thin = texture(noise, vec2(across * 0.31 + 0.37, down * 0.09)).b;
    float edge = max(thick * (1.0 + brow_style.y * 1.5 * (strand - 0.5)), 0.02);
    float cover = smoothstep(edge * 1.1, edge * mix(0.85, 0.35, brow_style.x), abs(lift));
    float hairs = smoothstep(0.75, 0.25, 0.55 * strand + 0.45 * thin - 0.55 * (brow_shape.z - 0.5));
    cover *= mix(1.0, hairs, brow_style.x) * smoothstep(1.02, 0.9, t) * step(abs(brow.y), 1.2);
    cover *= mix(brow_style.w * (0.4 + 0.6 * strand), 1.0, smoothstep(-0.06, 0.1, t));
    vec3 tint = brow_colour.rgb * (0.75 + 0.5 * thin);
    tint = mix(tint, vec3(0.36), brow_style.z * smoothstep(0.45, 0.7, texture(noise, vec2(across * 0.23, 0.7)).b));
    albedo = mix(albedo, tint, cover * min(1.0, 0.35 + 0.75 * brow_shape.z));
    gloss *= 1.0 - 0.8 * cover;
#elif PART == 11
    // the upper lid's crease folds as the eye opens; a hanging lid shades what lies under it
    float open = mix(lids.y, lids.x, own);
    float up = smoothstep(0.0, 0.8, rim.y);
    float from = rim.x - lid_fold.x - 0.04 * (grain.a - 0.5);
    float line = exp2(-from * from * mix(700.0, 200.0, marks.w)) * up * mix(0.25, 1.0, min(open, 1.0));
    float hung = lid_fold.z * up * min(open, 1.0);
    height += hung * 0.12 * smoothstep(-0.05, 0.2, from) * smoothstep(0.9, 0.2, from) - 0.035 * lid_fold.y * line;
    dim += lid_fold.y * 0.55 * line + hung * 0.4 * smoothstep(0.08, -0.06, from);
    // the lashes' roots, and eyeliner over them
    float low = 1.0 - up;
    float root = lash_colour.a * (1.0 - 0.55 * low) * smoothstep(0.1, 0.01, rim.x);
    albedo = mix(albedo, lash_colour.rgb, root);
    float drawn = mix(rim.x + low, rim.z, liner.z);
    float painted = liner.y * smoothstep(liner.x + 0.03, liner.x - 0.02, drawn);
    painted = max(painted, liner.w * low * smoothstep(0.11, 0.06, rim.x));
    albedo = mix(albedo, vec3(0.006), painted);
#endif
    // creases: grooves where a phase is a multiple of 2 pi, bulges between
    vec3 c = 0.5 + 0.5 * cos(phase.xyw + 0.9 * (grain.a - 0.5));
    vec3 groove = c * c * c;
    groove *= groove;
    float depth = dot(crease.xyw, groove);
    float d = phase.z + 0.05 * (grain.a - 0.5);
    float cut = crease.z * exp2(-d * d * 40.0);
    height += 0.045 * dot(crease.xyw, 1.0 - c - groove) + crease.z * 0.2 * smoothstep(-0.12, 0.4, d) * smoothstep(1.4, 0.4, d) - 0.05 * cut;
    dim += 0.5 * depth + 0.5 * cut + rim.w * 0.35 * smoothstep(0.5, 0.9, grain.g);
    height -= rim.w * 0.05 * grain.g;
    dim = min(dim, 0.85);
    albedo *= mix(vec3(1.0), vec3(0.75, 0.55, 0.5), dim);
    light *= 1.0 - 0.45 * dim;
    // the height's slope tilts the normal
    vec3 dx = dFdx(place_seen), dy = dFdy(place_seen);
    vec3 r1 = cross(dy, n), r2 = cross(n, dx);
    float area = dot(dx, r1);
    vec3 slope = sign(area) * (dFdx(height) * r1 + dFdy(height) * r2);
    n = normalize(max(abs(area), 1e-7) * n - slope);
    n = normalize(n + 0.12 * marks.y * (grain.rga - 0.5));
    albedo *= 1.0 - 0.3 * marks.w * smoothstep(0.86, 0.95, grain.g) * fine.a;
#endif

#elif PART == 4              // both eyes
    int k = kind - EYE_LEFT;
    vec3 local = transpose(mat3(eye_turn[k])) * (model - eye_centre[k].xyz);
    float from_axis = length(local.xy);
    float r = from_axis / (0.66 * iris_colour.a);
    float fibre = texture(noise, vec2(atan(local.y, local.x) * 1.6, r * 0.35)).b;
    vec3 iris = iris_colour.rgb * (0.55 + 0.9 * fibre) * mix(1.25, 0.7, smoothstep(0.4, 0.95, r));
    iris *= 1.0 - 0.75 * smoothstep(0.8, 1.0, r);
    float vein = texture(noise, local.xy * 0.5).b;
    vec3 white = sclera_colour.rgb;
    white *= mix(vec3(1.0), vec3(0.92, 0.62, 0.55), smoothstep(0.9, 1.9, from_axis) * (0.35 + 0.5 * vein));
    float front = step(0.0, local.z);
    albedo = mix(white, mix(iris, white, smoothstep(0.94, 1.06, r)), front);
    float pupil = smoothstep(sclera_colour.a + 0.05, sclera_colour.a - 0.05, r) * front;
    albedo = mix(albedo, vec3(0.004 + shade.z), pupil);
    // the upper lid and its lashes keep light from the ball
    light = mix(0.42, 1.0, smoothstep(-0.05, 0.45, eye_centre[k].w - model.y)) * 0.9;
    gloss = 0.6;
    shine = 400.0;
    // the mesh leaves a slit between shut lids, where lashes and wet rims let no ball be seen
    float shut = smoothstep(0.22, 0.08, k == 0 ? lids.x : lids.y);
    albedo = mix(albedo, vec3(0.03, 0.015, 0.012), shut);
    gloss *= 1.0 - shut;

#elif PART == 2              // inside the mouth: gums, teeth, tongue
    light *= smoothstep(-4.0, 0.2, model.z - mouth.z);
    flesh = kind == TEETH ? 0.0 : 0.5;
    float spot = texture(noise, model.xz * 0.9).r;
    // each tooth has its own shade; less light reaches the gaps and the back of the row
    if (kind == TEETH) albedo *= 0.75 + 0.4 * texture(noise, vec2(model.x * 0.035, 0.2)).b;
    albedo *= 0.85 + 0.3 * spot;
    gloss = 0.5;
    shine = 60.0;
    if (dot(n, eye) < 0.0) n = -n;

#elif PART == 6              // lashes: clumps of hairs, towards the tips thinner
    float strand = texture(noise, vec2(uv.x * 0.45 + uv.y * 0.012, 0.3 + uv.y * 0.05)).b;
    alpha = colour.a * smoothstep(uv.y * 0.9 - 0.5, uv.y * 0.7 + 0.05, strand);
    alpha *= smoothstep(0.0, 0.1, uv.x) * smoothstep(1.0, 0.97, uv.x) * (1.0 - uv.y * uv.y * uv.y);
    gloss = 0.0;

#else                        // worn: hair, glasses, cloth, hands
    if (hash(gl_FragCoord.xy + 17.0) > colour.a) discard;
    gloss = near_to.x;
    shine = 10.0 + 90.0 * gloss;
    albedo *= 1.0 + near_to.y * (texture(noise, model.xy * 0.11 + model.z * 0.07).r - 0.5);
    if (dot(n, eye) < 0.0) n = -n;
#endif

    vec3 radiance = albedo * light
        * max(vec3(0.0), ambient[0].rgb + ambient[1].rgb * n.x + ambient[2].rgb * n.y + ambient[3].rgb * n.z);
    for (int k = 0; k < 3; ++k) {
        vec3 way = light_way[k].xyz;
        float c = dot(n, way);
        float wrap = k == 0 ? shade.y : 0.2;
        float d = max(0.0, (c + wrap) / (1.0 + wrap));
        // light that enters skin leaves redder, farther around the edge of the shadow
        float around = max(0.0, (c + wrap + 0.3) / (1.3 + wrap));
        vec3 through = mix(vec3(d), vec3(around, d, d * 0.96), flesh * 0.5);
        float seen = k == 0 ? lit_by_key() : 1.0;
        float mirror = 0.0;
        if (k < 2) mirror = gloss * exp2(shine * 1.4427 * (min(dot(n, normalize(way + eye)), 1.0) - 1.0)) * (0.25 + 0.02 * shine) * step(0.0, c);
        float edge = 1.0 - max(0.0, dot(n, eye));
        float rim = gloss * 0.12 * edge * edge * edge * d;
        radiance += light_colour[k].rgb * seen * (albedo * through * mix(light, 1.0, 0.45) + mirror * light + rim);
    }
    result = vec4(radiance, alpha);
}
