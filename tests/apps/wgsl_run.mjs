// Runs the WGSL of `cotangent compile --target wgsl --json` on a device, as a host program would,
// and compares the end with `cotangent run`: wgsl_run.mjs COMPILED.json RUN.json TOLERANCE
import { readFileSync } from "node:fs";

const { create, globals } = await import(process.env.COTANGENT_WEBGPU);
Object.assign(globalThis, globals);
const [compiled, ran] = process.argv.slice(2, 4).map((f) => JSON.parse(readFileSync(f, "utf8")));
const tolerance = Number(process.argv[4]);

const gpu = create([]);
const adapter = await gpu.requestAdapter();
// The null device answers too, with rubbish.
if (!/swiftshader/i.test(adapter?.info?.architecture ?? "")) {
  console.log("no SwiftShader:", adapter?.info);
  process.exit(1);
}
const device = await adapter.requestDevice();
device.addEventListener("uncapturederror", (event) => {
  console.log(event.error.message);
  process.exit(1);
});

const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array };

/// Binds `values` (by argument), runs the kernel as one workgroup, gives what it has written.
async function launch(kernel, values) {
  const module = device.createShaderModule({ code: compiled.text });
  const entries = kernel.bindings.map((_, binding) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: kernel.bindings[binding].written ? "storage" : "read-only-storage" },
  }));
  const layout = device.createBindGroupLayout({ entries });
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: kernel.name },
  });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffers = kernel.bindings.map((b) => {
    const data = new arrays[b.element](Math.max(b.count, 1));
    for (const part of b.parts) {
      if (part.name in values) data.set(values[part.name], part.at);
    }
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({
    layout,
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  }));
  pass.dispatchWorkgroups(1);
  pass.end();
  const reads = buffers.map((buffer) => {
    const read = device.createBuffer({
      size: buffer.size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    encoder.copyBufferToBuffer(buffer, 0, read, 0, buffer.size);
    return read;
  });
  device.queue.submit([encoder.finish()]);
  const results = {};
  for (const [k, b] of kernel.bindings.entries()) {
    if (!b.written) continue;
    await reads[k].mapAsync(GPUMapMode.READ);
    const data = new arrays[b.element](reads[k].getMappedRange());
    for (const part of b.parts) results[part.name] = data.slice(part.at, part.at + part.count);
  }
  return results;
}

const [chunk, start] = compiled.kernels;
const flat = (x) => [x].flat(9);
const values = { t0: [compiled.initial.t], t: [compiled.initial.t], dt: [compiled.dt] };
for (const [name, x] of Object.entries(compiled.parameters)) values[name] = flat(x);
let state = { q: flat(compiled.initial.q), p: flat(compiled.initial.p) };
state.gradient = (await launch(start, { ...values, ...state })).gradient;
// Two chunks: what one gives the next one takes.
for (let first = 0; first < ran.steps; ) {
  const count = Math.min(Math.ceil(ran.steps / 2), ran.steps - first);
  const out = await launch(chunk, { ...values, ...state, first: [first], count: [count] });
  state = { q: out.q_out, p: out.p_out, gradient: out.gradient_out };
  first += count;
}
let error = 0, size = 0;
for (const name of ["q", "p"]) {
  for (const [k, want] of flat(ran.final[name]).entries()) {
    error = Math.max(error, Math.abs(state[name][k] - want));
    size = Math.max(size, Math.abs(want));
  }
}
console.log(`${compiled.name}: ${ran.steps} steps, relative distance ${(error / size).toExponential(1)}`);
process.exit(error <= tolerance * size ? 0 : 1);
