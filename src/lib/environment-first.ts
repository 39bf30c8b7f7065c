/** In the image of the project, what the container is started with is more than what lies in its volume. */
export const environmentFirst = (env: { readonly [name: string]: string | undefined }): boolean => env['OPENCLAW_ENV_SECRETS_FIRST'] === '1'
