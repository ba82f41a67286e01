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
in vec2 crease;
in vec3 axis;
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

#if FACE || PART == 1   // skin of the face; of the rest
    flesh = 1.0;
    vec4 grain = texture(noise, uv * 5.0);
    albedo *= 1.0 + marks.y * 0.35 * (grain.r - 0.5);
#if FACE
    vec4 fine = texture(noise, uv * 11.0);
    albedo *= 1.0 - 0.45 * marks.x * smoothstep(0.62, 0.8, fine.g);
    albedo *= 1.0 - near_to.w * marks.z * (0.35 + 0.5 * smoothstep(0.45, 0.65, fine.r));
    // eye shadow above the lid, then the lash line
    float above = smoothstep(1.3, 0.2, near_to.y) * smoothstep(-0.2, 0.2, model.y - 3.5);
    albedo = mix(albedo, lid_paint.rgb, lid_paint.a * above);
    albedo = mix(albedo, lash_colour.rgb, lash_colour.a * smoothstep(0.13, 0.02, near_to.y));
#if PART == 10
    // lips: a soft rim, vertical creases
    float lip = smoothstep(-0.06, 0.14, near_to.x + 0.05 * (grain.a - 0.5));
    float fold = texture(noise, vec2(uv.x * 30.0, uv.y * 3.0)).a;
    albedo = mix(albedo, lip_colour.rgb * (0.8 + 0.4 * fold), lip * 0.9);
    gloss *= 1.0 + 0.3 * lip;
#elif PART == 9
    // brows: strands that lean outwards
    float t = brow.x;
    float arch = 2.0 * t - 0.9;
    float height = brow.y - brow_shape.w - brow_shape.y * (1.0 - arch * arch) * 0.5;
    float thick = brow_shape.x * (0.55 + 0.75 * sqrt(max(t, 0.0))) * (1.0 - smoothstep(0.55, 1.0, t) * 0.75);
    float strand = texture(noise, vec2(uv.x * 22.0 + brow.y * 0.35, uv.y * 9.0)).b;
    float hair = smoothstep(thick, thick * 0.35, abs(height) + 0.16 * (strand - 0.5));
    hair *= smoothstep(0.0, 0.06, t) * smoothstep(1.0, 0.93, t) * step(abs(brow.y), 1.2);
    albedo = mix(albedo, brow_colour.rgb * (0.7 + 0.6 * strand), hair * brow_shape.z * (0.55 + 0.45 * strand));
#endif
    // lines: the surface tilts across them, and their ground gets less light
    float depth = crease.x * marks.w;
    float wave = crease.y + 1.2 * (grain.a - 0.5);
    light *= 1.0 - 0.3 * depth * smoothstep(0.2, 1.0, -sin(wave));
    n = normalize(n + axis * (0.55 * depth * cos(wave)) + 0.12 * marks.y * (grain.rga - 0.5));
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
    gloss = 1.6;
    shine = 220.0;

#elif PART == 2              // inside the mouth: gums, teeth, tongue
    light *= smoothstep(-4.0, 0.2, model.z - mouth.z);
    flesh = kind == TEETH ? 0.0 : 0.5;
    albedo *= 0.85 + 0.3 * texture(noise, model.xz * 0.9).r;
    gloss = 0.5;
    shine = 60.0;
    if (dot(n, eye) < 0.0) n = -n;

#elif PART == 6              // lashes: thin, towards the tips thinner
    albedo = lash_colour.rgb;
    float strand = texture(noise, vec2(uv.x * 24.0, uv.y)).b;
    if (hash(gl_FragCoord.xy) > 0.15 + 0.55 * strand * lash_colour.a) discard;
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
    result = vec4(radiance, 1.0);
}
