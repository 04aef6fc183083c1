// The OpenAPI description in; out, which endpoints there are, and which fields a document of each has.

export class Description {
  constructor(spec) { this.spec = spec; }

  /** What a schema refers to, or itself. */
  resolve(node) {
    for (let hops = 0; node?.$ref && hops < 20; hops++) {
      node = node.$ref.slice(2).split('/').reduce((at, key) => at?.[key.replace(/~1/g, '/').replace(/~0/g, '~')], this.spec);
    }
    return node ?? {};
  }

  /** The endpoints that a POST calls: name, summary, schema of the body, fields that take a file. */
  endpoints() {
    const found = [];
    for (const [path, item] of Object.entries(this.spec.paths)) {
      const operation = item.post;
      const content = this.resolve(operation?.requestBody).content;
      if (!content?.['application/json'] || operation['x-headrace-endpoint'] !== path) continue;
      const form = this.resolve(content['multipart/form-data']?.schema).properties ?? {};
      found.push({
        path, summary: operation.summary ?? '', ...this.#body(content['application/json'].schema),
        files: Object.keys(form).filter((name) => this.resolve(form[name]).format === 'binary'),
      });
    }
    return found;
  }

  #body(schema) {
    const properties = this.resolve(schema).properties ?? {};
    const listed = this.#choices(this.resolve(properties.data)).find((each) => each.type === 'array');
    const item = this.resolve(listed?.items);
    return { item, parameters: this.resolve(properties.parameters) };
  }

  #choices(schema) {
    const several = schema.anyOf ?? schema.oneOf ?? [];
    return several.length ? several.map((each) => this.resolve(each)).filter((each) => each.type !== 'null') : [schema];
  }

  /** The fields of an object that a form can hold: name, kind, whether it has to be there, what it means. */
  fields(schema, files = []) {
    const required = new Set(schema.required ?? []);
    return Object.entries(schema.properties ?? {}).map(([name, given]) => {
      const resolved = this.resolve(given);
      const plain = this.#choices(resolved)[0] ?? {};
      return {
        name, must: required.has(name), about: given.description ?? resolved.description ?? '', preset: resolved.default ?? plain.default,
        isFile: files.includes(name), kind: this.#kind(plain), choices: plain.enum ?? [], isNullable: plain !== resolved,
      };
    });
  }

  #kind(schema) {
    const type = Array.isArray(schema.type) ? schema.type.find((each) => each !== 'null') : schema.type;
    if (schema.enum) return 'choice';
    if (type === 'string') return schema.format === 'byte' || schema.contentEncoding ? 'bytes' : 'text';
    if (type === 'integer' || type === 'number' || type === 'boolean') return type;
    return 'json';
  }

  /** A document as somebody would begin to write it. */
  sample(schema, files = []) {
    const made = {};
    for (const field of this.fields(schema, files)) {
      if (field.name === 'id' || field.isFile || field.kind === 'bytes') continue;
      if (field.must) made[field.name] = { text: 'hello', integer: 1, number: 1, boolean: true, choice: field.choices[0], json: [] }[field.kind];
    }
    if (!Object.keys(made).length) {
      const text = this.fields(schema, files).find((field) => field.kind === 'text' && field.name !== 'id');
      if (text) made[text.name] = 'hello';
    }
    return made;
  }
}
